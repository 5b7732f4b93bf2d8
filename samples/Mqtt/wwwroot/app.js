'use strict';

const at = id => document.getElementById(id);
let source;
let rows = new Map();

function watch() {
  source?.close();
  rows = new Map();
  at('topics').replaceChildren();
  // The browser connects again by itself, and says which event it has seen last.
  source = new EventSource(`events?filter=${encodeURIComponent(at('filter').value || '#')}`);
  source.onopen = () => { at('state').textContent = 'connected'; };
  source.onerror = () => { at('state').textContent = source.readyState === EventSource.CLOSED ? 'refused' : 'connecting'; };
  source.onmessage = event => show(JSON.parse(event.data));
}

function show({ topic, text, bytes }) {
  let row = rows.get(topic);
  if (!row) {
    row = at('topics').insertRow();
    for (let i = 0; i < 4; i++) row.insertCell();
    row.cells[0].textContent = topic;
    rows.set(topic, row);
  }
  row.cells[1].textContent = text ?? `${bytes} (Base64)`;
  row.cells[2].textContent = new Date().toLocaleTimeString();
  row.cells[3].textContent = Number(row.cells[3].textContent) + 1;
}

at('watch').onsubmit = event => {
  event.preventDefault();
  watch();
};

at('publish').onsubmit = async event => {
  event.preventDefault();
  const answer = await fetch(`publish?topic=${encodeURIComponent(at('topic').value)}`, { method: 'POST', body: at('payload').value });
  at('state').textContent = answer.ok ? 'published' : await answer.text();
};

watch();
