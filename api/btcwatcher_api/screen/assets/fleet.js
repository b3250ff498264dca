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
  const without = (these, those) => these.filter((id) => !those.includes(id));

  function stored() {
    try {
      return JSON.parse(localStorage.getItem(STORED)) || {};
    } catch {
      return {};
    }
  }

  // What the user has chosen for a bot in FreqUI (its name, its place, whether it is refreshed) stays.
  // Without a place of theirs FreqUI takes them in our order; where it gave them places, new ones come last.
  function loginInfo(fleet, before) {
    const placed = Object.values(before).some((bot) => Number.isInteger(bot.sortId));
    return Object.fromEntries(
      fleet.bots.map((bot, place) => {
        const known = before[bot.id] || {};
        const sortId = known.sortId ?? (placed ? 100000 + place : undefined);
        return [
          bot.id,
          {
            botName: known.botName || bot.name,
            apiUrl: location.origin + bot.path,
            username: fleet.user,
            accessToken: fleet.token,
            refreshToken: fleet.token,
            autoRefresh: known.autoRefresh ?? true,
            ...(sortId === undefined ? {} : { sortId }),
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
    const news = without(ids(now), ids(given)).length + without(ids(given), ids(now)).length;
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
      #btcwatcher-bar { position: fixed; top: .4rem; left: 50%; z-index: 40; display: flex; gap: .75rem;
        padding: .125rem .625rem; font: 12px/1.6 system-ui, sans-serif; color: #e5e7eb; white-space: nowrap;
        background: #1f2937e6; border-radius: 1rem; transform: translateX(-50%); }
      @media (width < 1280px) { #btcwatcher-bar { top: auto; bottom: .4rem; } }
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
