'use strict';

const at = id => document.getElementById(id);
const people = new Map();
let socket;
let self;

at('room').value = new URLSearchParams(location.search).get('room') || 'lobby';

function show(text, ...more) {
  const line = document.createElement('li');
  for (const [kind, words] of [...more, ['span', text]]) {
    const part = document.createElement(kind);
    part.textContent = words;
    line.append(part);
  }
  at('messages').append(line);
  line.scrollIntoView();
  return line;
}

function list() {
  const chosen = at('to').value;
  at('people').replaceChildren();
  at('to').replaceChildren(new Option('all', 'all'));
  for (const [id, name] of [...people].sort((one, other) => one[1].localeCompare(other[1]))) {
    const item = document.createElement('li');
    item.textContent = id === self ? `${name} (you)` : name;
    item.onclick = () => { at('to').value = id; at('text').focus(); };
    at('people').append(item);
    if (id !== self) at('to').append(new Option(name, id));
  }
  at('to').value = people.has(chosen) ? chosen : 'all';
}

const hear = {
  ping: () => socket.send('{"type":"pong"}'),
  login: told => {
    if (told.client_list) {
      self = told.client_id;
      people.clear();
      for (const [id, name] of Object.entries(told.client_list)) people.set(id, name);
      at('login').hidden = true;
      at('chat').hidden = false;
      at('where').textContent = at('room').value;
      at('state').textContent = 'connected';
    } else {
      people.set(told.client_id, told.client_name);
    }
    list();
    show('has come', ['b', told.client_name]).className = 'notice';
  },
  say: told => {
    const whisper = told.to_client_id !== 'all';
    const names = whisper ? `${told.from_client_name} to ${people.get(told.to_client_id)}` : told.from_client_name;
    show(told.content, ['time', new Date(told.time).toLocaleTimeString()], ['b', names]).className = whisper ? 'whisper' : '';
  },
  logout: told => {
    people.delete(told.from_client_id);
    list();
    show('has left', ['b', told.from_client_name]).className = 'notice';
  },
  error: told => {
    at('complaint').textContent = told.message;
    if (self) show(told.message).className = 'error';
  },
};

function connect() {
  socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/[?#].*$/, '') + 'chat');
  socket.onopen = () =>
    socket.send(JSON.stringify({ type: 'login', client_name: at('name').value, room_id: at('room').value }));
  socket.onmessage = event => {
    const told = JSON.parse(event.data);
    hear[told.type]?.(told);
    // The name may be that of a connection of one's own that the server still takes for open.
    if (told.type === 'error' && at('state').textContent !== 'connected') socket.close();
  };
  socket.onclose = event => {
    at('state').textContent = `connection closed (${event.code})`;
    // Unlike an event stream, a WebSocket does not come back by itself.
    if (self) setTimeout(connect, 1000);
  };
}

at('login').onsubmit = event => {
  event.preventDefault();
  at('complaint').textContent = '';
  connect();
};

at('say').onsubmit = event => {
  event.preventDefault();
  if (!at('text').value || socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ type: 'say', to_client_id: at('to').value, content: at('text').value }));
  at('text').value = '';
};
