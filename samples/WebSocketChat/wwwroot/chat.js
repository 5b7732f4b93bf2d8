'use strict';

const state = document.getElementById('state');
const messages = document.getElementById('messages');
const form = document.getElementById('form');
const text = document.getElementById('text');
const room = new URLSearchParams(location.search).get('room') || 'lobby';
let socket;

document.getElementById('room').value = room;

function show({ who, text, count }) {
  const line = document.createElement('li');
  const name = document.createElement('b');
  name.textContent = who;
  line.append(name, text);
  messages.append(line);
  line.scrollIntoView();
  document.getElementById('here').textContent = `${count} here`;
}

function connect() {
  socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/[?#].*$/, '') + `room?name=${encodeURIComponent(room)}`);
  socket.onopen = () => { state.textContent = 'connected'; };
  socket.onmessage = event => show(JSON.parse(event.data));
  // Unlike an event stream, a WebSocket does not come back by itself.
  socket.onclose = event => {
    state.textContent = `connection closed (${event.code})`;
    setTimeout(connect, 1000);
  };
}

form.onsubmit = event => {
  event.preventDefault();
  if (text.value && socket.readyState === WebSocket.OPEN) socket.send(text.value);
  text.value = '';
};

connect();
