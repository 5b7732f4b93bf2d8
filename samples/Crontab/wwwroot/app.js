'use strict';

const at = id => document.getElementById(id);
const last = new Map();

async function ask(method, query = '') {
  const answer = await fetch(`jobs${query}`, { method });
  at('state').textContent = answer.ok ? '' : await answer.text();
  return answer;
}

async function list() {
  const jobs = await (await ask('GET')).json();
  at('jobs').replaceChildren(...jobs.map(job => {
    const row = document.createElement('tr');
    for (const text of [job.name, job.rule, job.zone, job.next?.replace('T', ' ') ?? 'never', last.get(job.name) ?? '']) {
      row.insertCell().textContent = text;
    }
    const button = document.createElement('button');
    button.textContent = 'Remove';
    button.onclick = async () => { await ask('DELETE', `?id=${job.id}`); await list(); };
    row.insertCell().append(button);
    return row;
  }));
}

at('add').onsubmit = async event => {
  event.preventDefault();
  const query = new URLSearchParams({ rule: at('rule').value });
  for (const name of ['name', 'zone']) if (at(name).value) query.set(name, at(name).value);
  if ((await ask('POST', `?${query}`)).ok) await list();
};

const source = new EventSource('events');
source.onopen = list;
source.onmessage = event => {
  const run = JSON.parse(event.data);
  last.set(run.name, new Date(run.at).toLocaleTimeString());
  list();
};
