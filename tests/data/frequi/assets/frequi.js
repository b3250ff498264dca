// Does with its bots what FreqUI does: reads them from the browser's storage, asks each with its token, renews the token
// after a 401, and listens to each bot's messages. What came of it stands in the page, an item for each bot.
const stored = JSON.parse(localStorage.getItem("ftAuthLoginInfo") || "{}");
const list = document.getElementById("bots");

async function ask(bot, method, endpoint, body) {
  const call = () =>
    fetch(`${bot.apiUrl}/api/v1${endpoint}`, {
      method,
      body: body && JSON.stringify(body),
      headers: { Authorization: `Bearer ${bot.accessToken}`, "Content-Type": "application/json" },
    });
  let answer = await call();
  if (answer.status === 401) {
    const renewed = await fetch(`${bot.apiUrl}/api/v1/token/refresh`, {
      method: "POST",
      headers: { Authorization: `Bearer ${bot.refreshToken}` },
    });
    if (renewed.ok) {
      bot.accessToken = (await renewed.json()).access_token;
      answer = await call();
    }
  }
  return { status: answer.status, body: await answer.json() };
}

function listen(bot, item) {
  const address = `${bot.apiUrl.replace(/^http/, "ws")}/api/v1/message/ws?token=${bot.accessToken}`;
  const socket = new WebSocket(address);
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "subscribe", data: ["whitelist"] }));
    socket.send(JSON.stringify({ type: "whitelist", data: "" }));
  };
  socket.onmessage = (event) => (item.dataset.message = JSON.parse(event.data).type);
  socket.onclose = (event) => (item.dataset.closed = event.code);
}

for (const [id, bot] of Object.entries(stored)) {
  const item = document.createElement("li");
  item.id = id;
  item.textContent = bot.botName;
  list.append(item);
  // As after an hour's sleep: the token has to be renewed.
  bot.accessToken = "stale";
  const ping = await ask(bot, "GET", "/ping");
  item.dataset.ping = ping.body.error || ping.body.status;
  item.dataset.status = (await ask(bot, "GET", "/status")).status;
  listen(bot, item);
}
document.body.dataset.done = Object.keys(stored).length;
window.frequi = { ask, stored };
