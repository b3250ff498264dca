// Candles of one pair with the signals of all Strategies on them. The library is a script of its own, `LightweightCharts`.

const { createChart, createSeriesMarkers, CandlestickSeries, HistogramSeries, ColorType, CrosshairMode } = LightweightCharts;
const place = document.getElementById("chart");
const problem = document.getElementById("chart-problem");
const legend = document.getElementById("legend");
const EVERY_MS = 15000;
// Told apart by people who see colours differently, on light and on dark (after Okabe and Ito).
const COLOURS = ["#0a84c6", "#d98c00", "#009e73", "#cc6699", "#6f63c8", "#d4582a", "#4bacc6", "#8a7f2d"];

const hidden = new Set();
const colours = new Map();
let marks = [];
let times = [];

function colour(name) {
  // A canvas knows no CSS variables.
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// The library's logo would bring a style of its own, which the page's policy refuses: the makers are named below the chart.
const chart = createChart(place, { autoSize: true, crosshair: { mode: CrosshairMode.Normal }, layout: { attributionLogo: false } });
const candles = chart.addSeries(CandlestickSeries, {});
const volume = chart.addSeries(HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
volume.priceScale().applyOptions({ scaleMargins: { top: 0.85, bottom: 0 } });
const markers = createSeriesMarkers(candles, []);

function dress() {
  const [good, bad, line] = [colour("good"), colour("bad"), colour("line")];
  chart.applyOptions({
    layout: {
      background: { type: ColorType.Solid, color: colour("panel") }, textColor: colour("dim"),
      fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11,
    },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line, timeVisible: true, secondsVisible: false, rightOffset: 4 },
  });
  candles.applyOptions({ upColor: good, wickUpColor: good, downColor: bad, wickDownColor: bad, borderVisible: false });
  volume.applyOptions({ color: line });
}

function candleAt(time) {
  // The last candle that had begun: a mark has to stand on one.
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1; else high = middle;
  }
  return low ? times[low - 1] : null;
}

function draw() {
  markers.setMarkers(marks.filter((mark) => !hidden.has(mark.strategy) && candleAt(mark.time) !== null).map((mark) => {
    const entry = mark.type.startsWith("entry");
    return {
      time: candleAt(mark.time), position: entry ? "belowBar" : "aboveBar", shape: entry ? "arrowUp" : "arrowDown",
      color: colours.get(mark.strategy), id: mark.id, text: entry ? "" : mark.profit,
    };
  }).sort((one, other) => one.time - other.time));
  place.dataset.marks = markers.markers().length;
}

function name() {
  for (const mark of marks) {
    if (colours.has(mark.strategy)) continue;
    colours.set(mark.strategy, COLOURS[colours.size % COLOURS.length]);
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    const dot = document.createElement("i");
    dot.style.background = colours.get(mark.strategy);
    button.append(dot, mark.strategy);
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      if (shown) hidden.delete(mark.strategy); else hidden.add(mark.strategy);
      draw();
    });
    legend.append(button);
  }
}

async function load() {
  if (document.hidden) return;
  let told;
  try {
    const answer = await fetch(place.dataset.source, { headers: { Accept: "text/plain" } });
    told = answer.ok ? await answer.json() : { candles: [], marks: [], problem: await answer.text() };
  } catch (error) {
    told = { candles: [], marks: [], problem: String(error) };
  }
  problem.hidden = !told.problem;
  problem.textContent = told.problem ?? "";
  // What is shown stays while the bots are away.
  if (told.candles.length) {
    const first = !times.length;
    times = told.candles.map((candle) => candle.time);
    const low = Math.min(...told.candles.map((candle) => candle.low));
    const digits = Math.min(10, Math.max(2, 4 - Math.floor(Math.log10(low))));
    candles.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
    candles.setData(told.candles);
    volume.setData(told.candles.map((candle) => ({ time: candle.time, value: candle.volume })));
    if (first) chart.timeScale().setVisibleLogicalRange({ from: times.length - Math.min(140, place.clientWidth / 7), to: times.length + 4 });
  }
  if (told.marks.length) marks = told.marks;
  name();
  draw();
  place.dataset.candles = times.length;
}

dress();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
document.addEventListener("visibilitychange", load);
document.addEventListener("signal", load);
setInterval(load, EVERY_MS);
load();
