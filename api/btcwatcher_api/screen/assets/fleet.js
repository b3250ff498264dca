// Gives FreqUI its bots: writes them into the browser's storage, where FreqUI looks for them, before FreqUI starts; then
// sees what has become of them and of the sign-in.
(() => {
  "use strict";
  const STORED = "ftAuthLoginInfo";
  const SELECTED = "ftSelectedBot";
  const EVERY = 15000;
  const chinese = navigator.language.startsWith("zh");
  const say = chinese
    ? { out: "退出", changed: (n) => `机器人列表已变化（${n}）：点击重新加载`, away: "服务无响应" }
    : { out: "Sign out", changed: (n) => `The bots have changed (${n}): reload`, away: "No answer" };

  const given = JSON.parse(document.getElementById("btcwatcher-fleet").textContent);
  const ids = (fleet) => fleet.bots.map((bot) => bot.id);

  function stored() {
    try {
      return JSON.parse(localStorage.getItem(STORED)) || {};
    } catch {
      return {};
    }
  }

  // What the user has chosen for a bot in FreqUI (its name, its place, whether it is refreshed) stays.
  function loginInfo(fleet, before) {
    return Object.fromEntries(
      fleet.bots.map((bot, place) => {
        const known = before[bot.id] || {};
        return [
          bot.id,
          {
            botName: known.botName || bot.name,
            apiUrl: location.origin + bot.path,
            username: fleet.user,
            accessToken: fleet.token,
            refreshToken: fleet.token,
            autoRefresh: known.autoRefresh ?? true,
            sortId: known.sortId ?? place,
          },
        ];
      }),
    );
  }

  localStorage.setItem(STORED, JSON.stringify(loginInfo(given, stored())));
  if (!ids(given).includes(localStorage.getItem(SELECTED))) localStorage.removeItem(SELECTED);

  function leave() {
    localStorage.removeItem(STORED);
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }

  async function look() {
    const answer = await fetch("/btcwatcher/fleet", { cache: "no-store" });
    if (answer.status === 401) return leave();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const now = await answer.json();
    if (now.user !== given.user) return location.reload();
    const news = new Set(ids(now)).symmetricDifference
      ? new Set(ids(now)).symmetricDifference(new Set(ids(given))).size
      : ids(now).filter((id) => !ids(given).includes(id)).length +
        ids(given).filter((id) => !ids(now).includes(id)).length;
    reload.hidden = news === 0;
    reload.textContent = say.changed(news);
  }

  const reload = document.createElement("button");
  const out = document.createElement("button");

  function show() {
    const bar = document.createElement("form");
    bar.id = "btcwatcher-bar";
    bar.method = "post";
    bar.action = "/sign-out";
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
      #btcwatcher-bar { position: fixed; right: .5rem; bottom: .5rem; z-index: 40; display: flex; gap: .75rem;
        padding: .125rem .625rem; font: 12px/1.6 system-ui, sans-serif; color: #e5e7eb; background: #1f2937e6; border-radius: 1rem; }
      #btcwatcher-bar button { color: #93c5fd; cursor: pointer; background: none; border: 0; font: inherit; }
      #btcwatcher-bar button[hidden] { display: none; }`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    reload.type = "button";
    reload.hidden = true;
    reload.addEventListener("click", () => location.reload());
    out.textContent = say.out;
    out.addEventListener("click", () => localStorage.removeItem(STORED));
    const who = document.createElement("span");
    who.textContent = given.role === "viewer" ? `${given.user} (viewer)` : given.user;
    bar.append(reload, who, out);
    document.body.append(bar);
    setInterval(() => look().then(() => (out.title = ""), () => (out.title = say.away)), EVERY);
  }

  document.addEventListener("DOMContentLoaded", show);
  // A page that comes back from the browser's memory was signed in to by somebody, once.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
})();
