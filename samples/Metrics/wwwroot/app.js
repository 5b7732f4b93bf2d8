// The page: one EventSource with a reading a second, shown as figures with their last five minutes, and a table of loops.

const shown = {
  requestRate: 'requests per second', connections: 'connections', loopLag: 'loop lag, ms', writeRate: 'KiB written per second',
  exceptions: 'exceptions', sendFailures: 'failed sends', timers: 'timers', requests: 'requests',
};
const kept = 300;
const find = id => document.getElementById(id);
const text = value => value.toLocaleString(undefined, { maximumFractionDigits: 1 });
const history = Object.fromEntries(Object.keys(shown).map(name => [name, []]));
const tiles = Object.fromEntries(Object.entries(shown).map(([name, label]) => [name, tile(label)]));
let last = null;

const source = new EventSource('events');
source.onopen = () => tell('connected', 'connected');
source.onerror = () => tell('connecting', 'connection lost, coming back …');
source.addEventListener('gap', () => last = null);
source.onmessage = event => {
  const reading = JSON.parse(event.data);
  if (last) show(reading, (reading.time - last.time) / 1000);
  last = reading;
};

function show({ all, loops }, seconds) {
  const rate = (now, before) => Math.max(0, now - before) / seconds;
  const figures = {
    ...all, requestRate: rate(all.requests, last.all.requests),
    writeRate: rate(all.bytesWritten, last.all.bytesWritten) / 1024,
  };
  for (const name of Object.keys(shown)) {
    history[name].push(figures[name]);
    if (history[name].length > kept) history[name].shift();
    tiles[name].value.textContent = text(figures[name]);
    draw(tiles[name].line, history[name]);
  }
  find('loops').replaceChildren(...loops.map(loop => {
    const before = last.loops.find(other => other.id === loop.id)?.figures ?? loop.figures;
    const row = document.createElement('tr');
    row.dataset.busy = loop.busy > 100;
    const cells = [loop.id, loop.figures.connections, loop.figures.requests, rate(loop.figures.requests, before.requests),
      loop.figures.loopLag, loop.busy];
    row.append(...cells.map(value => cell(text(value))), cell(loop.callback ?? 'idle'));
    return row;
  }));
}

function cell(content) {
  const element = document.createElement('td');
  element.textContent = content;
  return element;
}

function tile(label) {
  const card = document.createElement('article');
  card.innerHTML = '<h2></h2><p></p><svg viewBox="0 0 300 40" preserveAspectRatio="none"><polyline></polyline></svg>';
  card.querySelector('h2').textContent = label;
  find('figures').append(card);
  return { value: card.querySelector('p'), line: card.querySelector('polyline') };
}

function draw(line, values) {
  const most = Math.max(...values, 1);
  line.setAttribute('points', values.map((value, i) => `${300 - values.length + i},${39 - 38 * value / most}`).join(' '));
}

function tell(state, words) {
  find('state').dataset.state = state;
  find('state').textContent = words;
}

find('load').addEventListener('click', async () => {
  for (let i = 0; i < 200; i++) await fetch('healthz/live', { cache: 'no-store' });
});
find('hold').addEventListener('click', () => fetch('hold', { method: 'POST' }));

// For the console.
window.metrics = { history, source };
