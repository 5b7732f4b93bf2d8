'use strict';

const state = document.getElementById('state');
const text = document.getElementById('text');
let socket;

function connect() {
  socket = new WebSocket(new URL('chat', location.href.replace(/^http/, 'ws')));
  socket.onopen = () => { state.textContent = 'connected'; };
  socket.onmessage = event => {
    const line = document.createElement('li');
    line.textContent = event.data;
    document.getElementById('messages').append(line);
  };
  // Unlike an event stream, a WebSocket does not come back by itself.
  socket.onclose = () => {
    state.textContent = 'connecting again';
    setTimeout(connect, 1000);
  };
}

document.getElementById('form').onsubmit = event => {
  event.preventDefault();
  if (text.value && socket.readyState === WebSocket.OPEN) socket.send(text.value);
  text.value = '';
};

connect();
