'use strict';

const state = document.getElementById('state');
const events = new EventSource('events');

events.onopen = () => { state.textContent = 'connected'; };
events.onmessage = event => { document.getElementById('time').textContent = event.data; };
// It comes back by itself, and tells the server what it got last.
events.onerror = () => { state.textContent = 'connecting again'; };
