// The page: one EventSource, whose events become points of the charts, and what there is to say about the connection.

import { Chart } from './chart.js';

const all = [
  { topic: 'requests', title: 'Requests per second', series: { requests: 'received' } },
  { topic: 'events', title: 'Event stream', series: { subscribers: 'subscribers', lag: 'furthest behind' } },
  { topic: 'cpu', title: 'CPU, % of all cores', series: { process: 'this process', machine: 'machine' } },
  { topic: 'memory', title: 'Memory, MiB', series: { workingSet: 'working set', heap: 'managed heap' } },
];
const wanted = new URLSearchParams(location.search).getAll('topic');
const shown = all.filter(({ topic }) => wanted.length === 0 || wanted.includes(topic));

const find = id => document.getElementById(id);
const counts = { events: 0, resumed: 0, lost: 0, doubled: 0, gaps: 0 };
const charts = {};
let lastEvent = Date.now();

// The server replays what it has to one who is new; to one who comes back, what came after the last id, which the browser remembers.
const source = new EventSource('events' + location.search);

for (const definition of shown) {
  const chart = charts[definition.topic] = new Chart(find('charts'), definition);
  let gapsSeen = 0;
  source.addEventListener(definition.topic, event => {
    const point = JSON.parse(event.data);
    const isBroken = gapsSeen !== counts.gaps;
    // The readings are numbered. Between two gaps none is missing and none comes twice: here that is checked.
    if (!isBroken && definition.last && point.n !== definition.last + 1) {
      if (point.n > definition.last) counts.lost += point.n - definition.last - 1;
      else counts.doubled++;
      note(`${definition.topic}: reading ${point.n} follows ${definition.last}`);
    }
    definition.last = point.n;
    gapsSeen = counts.gaps;
    counts.events++;
    lastEvent = Date.now();
    chart.add(point, isBroken);
    tell();
  });
}

// The server no longer has all that came after our last id, or does not know it: it has been restarted, or we were away for long.
source.addEventListener('gap', event => {
  counts.gaps++;
  note(`gap: events after ${event.data} are missing`);
});

let isFirst = true;
source.onopen = () => {
  if (!isFirst) counts.resumed++;
  note(isFirst ? 'connected' : 'connected again');
  isFirst = false;
  lastEvent = Date.now();
  tell();
};

let wasOpen = false;
source.onerror = () => {
  // A browser that gets 204, or anything but an event stream, does not come back.
  if (source.readyState === EventSource.CLOSED) note('the stream has ended; reload the page to begin anew');
  else if (wasOpen) note('connection lost');
  tell();
};

function tell() {
  const silence = Math.floor((Date.now() - lastEvent) / 1000);
  const [state, text] = [
    ['connecting', counts.events === 0 ? 'connecting …' : 'connection lost, coming back …'],
    ['connected', 'connected'],
    ['ended', 'ended'],
  ][source.readyState];
  wasOpen = source.readyState === EventSource.OPEN;
  const isSilent = wasOpen && silence >= 5;
  find('state').dataset.state = isSilent ? 'silent' : state;
  find('state').textContent = isSilent ? `connected, but silent for ${silence} s` : text;
  find('figures').textContent = Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(' · ');
}

function note(text) {
  const entry = document.createElement('li');
  const time = document.createElement('time');
  time.textContent = new Date().toTimeString().slice(0, 8);
  entry.append(time, text);
  find('log').prepend(entry);
  while (find('log').children.length > 8) find('log').lastChild.remove();
}

find('cut').addEventListener('click', () => fetch('cut', { method: 'POST' }));
find('load').addEventListener('click', async () => {
  for (let i = 0; i < 200; i++) await fetch('icon.svg', { cache: 'no-store' });
});
setInterval(tell, 1000);

// For the console.
window.dashboard = { shown, charts, counts, source };
