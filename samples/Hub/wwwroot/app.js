// Shows who is subscribed and what is published. It makes its own token of the key (RFC 9068), so it is for those who run the hub.
'use strict';
const at = id => document.getElementById(id);
const hub = '/.well-known/mercure';
const page = { token: '', subscribers: new Map(), events: [], stop: null };

const base64 = bytes => btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
const json = value => base64(new TextEncoder().encode(JSON.stringify(value)));

async function makeToken() {
  const { resource } = await (await fetch('/.well-known/oauth-protected-resource' + hub)).json();
  at('url').textContent = resource;
  const now = Math.floor(Date.now() / 1000);
  const detail = { type: 'https://mercure.rocks/authorization-detail', actions: ['publish', 'subscribe'], topics: [{ match: '*' }] };
  const claims = {
    iss: at('issuer').value, aud: resource, sub: 'page', client_id: 'page', iat: now, exp: now + 3600,
    jti: base64(crypto.getRandomValues(new Uint8Array(16))), authorization_details: [detail],
  };
  const text = json({ alg: 'HS256', typ: 'at+jwt' }) + '.' + json(claims);
  const secret = new TextEncoder().encode(at('key').value);
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return text + '.' + base64(new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text))));
}

function row(...cells) {
  const tr = document.createElement('tr');
  for (const cell of cells) tr.insertCell().textContent = cell;
  return tr;
}

function show() {
  at('subscribers').replaceChildren(...[...page.subscribers.values()].map(s => row(s.match, s.match_type, s.subscriber)));
  at('events').replaceChildren(...page.events.slice(-50).reverse().map(e => row(e.id, e.type, e.data)));
}

function onEvent(event) {
  if (event.type !== 'mercure') page.events.push(event);
  else {
    const subscription = JSON.parse(event.data);
    if (subscription.active) page.subscribers.set(subscription.id, subscription);
    else page.subscribers.delete(subscription.id);
  }
  show();
}

// EventSource sends no Authorization header field, so the stream is read here (WHATWG HTML section 9.2.6).
async function read(body, lastId) {
  let text = '', event = { type: 'message', data: [] };
  for await (const bytes of body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + bytes).split('\n');
    text = lines.pop();
    for (const line of lines) {
      const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (name === 'id') lastId.value = value;
      else if (name === 'event') event.type = value;
      else if (name === 'data') event.data.push(value);
      else if (line === '') {
        if (event.data.length > 0) onEvent({ ...event, id: lastId.value, data: event.data.join('\n') });
        event = { type: 'message', data: [] };
      }
    }
  }
}

async function watch() {
  page.stop?.abort();
  const { signal } = page.stop = new AbortController();
  const lastId = { value: '' };
  while (!signal.aborted) {
    try {
      const headers = { Authorization: 'Bearer ' + (page.token = await makeToken()) };
      const list = await fetch(hub + '/subscriptions', { headers, signal });
      if (!list.ok) throw new Error(list.status + ' ' + list.headers.get('www-authenticate'));
      page.subscribers = new Map((await list.json()).subscriptions.map(s => [s.id, s]));
      // What has changed since the list was made comes after the id that was given with it.
      lastId.value ||= /last-event-id="((?:[^"\\]|\\.)*)"/.exec(list.headers.get('link'))[1].replace(/\\(.)/g, '$1');
      show();
      const query = hub + '?match=*&last_event_id=' + encodeURIComponent(lastId.value);
      const stream = await fetch(query, { headers, signal, cache: 'no-store' });
      at('state').textContent = 'connected';
      await read(stream.body, lastId);
      at('state').textContent = 'connection lost';
    } catch (e) {
      if (!signal.aborted) at('state').textContent = e.message;
    }
    await new Promise(resolve => setTimeout(resolve, 1000));
  }
}

at('access').onsubmit = e => { e.preventDefault(); watch(); };
at('publish').onsubmit = async e => {
  e.preventDefault();
  const body = new URLSearchParams({ topic: at('topic').value, data: at('data').value });
  if (at('private').checked) body.append('private', 'on');
  const answer = await fetch(hub, { method: 'POST', headers: { Authorization: 'Bearer ' + page.token }, body });
  if (!answer.ok) at('state').textContent = answer.status + ' ' + await answer.text();
};
watch();
