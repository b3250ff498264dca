// What an open page does: follows what changes, sends actions without leaving the page, and asks before risky ones.

const said = document.getElementById("said");

function say(text) {
  said.textContent = text;
  said.hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { said.hidden = true; }, 8000);
}

// Asking

function ask(question, answer) {
  const dialog = document.getElementById("ask");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector(".main").textContent = answer;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.ask && !("quiet" in form.dataset)) return;
  event.preventDefault();
  const button = event.submitter;
  if (form.dataset.ask && !(await ask(form.dataset.ask, button.textContent))) return;
  if (!("quiet" in form.dataset)) { form.submit(); return; }
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/plain" },
    });
    if (answer.status === 401) location.reload();
    else if (!answer.ok) say(await answer.text());
  } catch (error) {
    say(String(error));
  } finally {
    button.disabled = false;
  }
});

for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// Following

const connection = document.querySelector("[data-connection]");
const followed = document.querySelector("[data-live]:not([data-connection])");

function show(state) {
  connection.hidden = false;
  connection.dataset.state = state;
  connection.querySelector("b").textContent = connection.dataset[state];
}

function rowOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.querySelector("tr");
}

function onSignal(html) {
  const row = rowOf(html);
  const body = document.getElementById("signals");
  if (body && !body.querySelector(`[data-id="${CSS.escape(row.dataset.id)}"]`)) {
    row.classList.add("new");
    body.prepend(row);
    while (body.rows.length > Number(body.dataset.most)) body.deleteRow(-1);
    document.querySelector('[data-empty="signals"]')?.remove();
    const count = document.querySelector("[data-count]");
    if (count) count.textContent = Number(count.textContent) + 1;
  }
  const last = document.querySelector(`#strategies tr[data-id="${CSS.escape(row.dataset.strategy)}"] [data-last]`);
  if (last) {
    const what = document.createElement("span");
    what.className = "dim";
    what.textContent = ` ${row.querySelector(".type").textContent} ${row.querySelector(".pair").textContent}`;
    last.replaceChildren(row.querySelector("time").cloneNode(true), what);
  }
  document.dispatchEvent(new CustomEvent("signal", { detail: row }));
}

function onStrategy(html) {
  const row = rowOf(html);
  const body = document.getElementById("strategies");
  if (!body) return;
  const old = body.querySelector(`tr[data-id="${CSS.escape(row.dataset.id)}"]`);
  if (old) {
    const kept = old.querySelectorAll("[data-kept]");
    row.querySelectorAll("[data-kept]").forEach((cell, index) => cell.replaceChildren(...kept[index].childNodes));
    old.replaceWith(row);
  } else if (!("filtered" in followed.dataset)) {
    const next = [...body.rows].find((other) => other.dataset.id > row.dataset.id);
    body.insertBefore(row, next ?? null);
    document.querySelector("[data-empty]:not([data-empty=signals])")?.remove();
  }
}

function onCounts(json) {
  for (const [name, count] of Object.entries(JSON.parse(json))) {
    for (const place of document.querySelectorAll(`[data-counts="${name}"]`)) place.textContent = count;
  }
  const bad = document.querySelector('[data-counts="not_ready"]');
  bad?.closest("div").classList.toggle("bad", bad.textContent !== "0");
}

function follow() {
  let stream;
  let place = null;
  let timer;
  const address = new URL(followed.dataset.live, location.href);

  function open() {
    clearTimeout(timer);
    if (place) address.searchParams.set("after", place);
    show("connecting");
    stream = new EventSource(address);
    stream.onopen = () => show("live");
    stream.onerror = async () => {
      show("away");
      if (stream.readyState !== EventSource.CLOSED) return;
      // The browser has given up: the sign-in is over, or the server could not take us now.
      const answer = await fetch(connection.dataset.signedIn, { headers: { Accept: "text/plain" } }).catch(() => null);
      if (answer?.status === 401) location.reload();
      else timer = setTimeout(open, 3000);
    };
    const take = (name, act) => stream.addEventListener(name, (event) => {
      if (event.lastEventId) place = event.lastEventId;
      act(event.data);
    });
    take("signal", onSignal);
    take("strategy", onStrategy);
    take("counts", onCounts);
    take("strategy-gone", (id) => document.querySelector(`#strategies tr[data-id="${CSS.escape(id)}"]`)?.remove());
  }

  // A browser has few connections for one host: tabs that nobody looks at give theirs back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { clearTimeout(timer); stream.close(); } else if (stream.readyState === EventSource.CLOSED) open();
  });
  open();
}

if (followed) follow();

// A log is read from its end.
for (const log of document.querySelectorAll("[data-end]")) log.scrollTop = log.scrollHeight;
