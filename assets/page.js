// The page's program. Text from outside never becomes markup: the page's policy forbids it.

const EXAMPLE = `import FreeCAD as App

doc = App.newDocument()
box = doc.addObject("Part::Box", "Box")
box.Length, box.Width, box.Height = 30, 20, 10
hole = doc.addObject("Part::Cylinder", "Hole")
hole.Radius, hole.Height = 5, 10
hole.Placement.Base = App.Vector(15, 10, 0)
part = doc.addObject("Part::Cut", "Part")
part.Base, part.Tool = box, hole
doc.recompute()
`;

const FINAL = ['completed', 'failed', 'timed_out', 'abandoned', 'cancelled'];

/** What of a project is not always shown. */
const PARTS = ['progress', 'lines', 'failure', 'figure', 'downloads', 'facts', 'cancel', 'again', 'show-log', 'log'];

/** How long before its end a link is renewed, in milliseconds. */
const RENEWED = 30_000;

const byId = (id) => document.getElementById(id);

/** An element with properties, and children that are elements or texts. */
function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function show(id, visible) {
  byId(id).hidden = !visible;
}

// --- Calls ---

/** An answer that is an error, as RFC 9457 has it. */
class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? `The service answered ${status}.`);
    this.status = status;
    this.requestId = body?.request_id;
  }
}

/** Sends one request and reads its JSON. Throws what a person can read. */
async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { accept: 'application/json', ...options.headers } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('The service cannot be reached just now.');
  }
  const text = await answer.text();
  let body = null;
  try {
    body = text === '' ? null : JSON.parse(text);
  } catch {
    throw new Error(`The service answered ${answer.status} with a body that is not JSON.`);
  }
  if (!answer.ok) throw new Problem(answer.status, body);
  return body;
}

function tell(error) {
  const at = error.requestId ? ` (request ${error.requestId})` : '';
  byId('trouble').textContent = error.message + at;
  show('trouble', true);
}

/** Runs what a person asked for, with its button out of reach meanwhile; says what went wrong. */
async function doing(button, work) {
  show('trouble', false);
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    if (error.status === 401) showSignIn();
    tell(error);
  } finally {
    button.disabled = false;
  }
}

// --- Session ---

async function begin() {
  byId('snippet').textContent = [
    `curl ${location.origin}/api/projects/demo/upload-script -H "Authorization: Bearer $TOKEN" \\`,
    "  -H 'Content-Type: text/x-python' --data-binary @box.py",
    `curl ${location.origin}/api/projects/demo/status?wait=60 -H "Authorization: Bearer $TOKEN"`,
    `curl ${location.origin}/api/projects/demo/download/step -H "Authorization: Bearer $TOKEN"`,
  ].join('\n');
  try {
    const session = await call('/api/session');
    if (session.auth === 'open') {
      byId('open-mode').textContent =
        `Open mode: everyone who reaches this address on this machine is signed in as “${session.user}”. Nothing here is protected.`;
      show('open-mode', true);
    }
    await showWorkspace(session);
  } catch (error) {
    showSignIn();
    if (error.status !== 401) tell(error);
  }
}

function showSignIn() {
  watch(null);
  show('workspace', false);
  show('signed-in', false);
  show('sign-in', true);
  byId('token').focus();
}

async function showWorkspace(session) {
  byId('user').textContent = session.user;
  show('sign-out', session.auth !== 'open');
  show('signed-in', true);
  show('sign-in', false);
  show('workspace', true);
  nextPage = null;
  await listProjects();
  openFromAddress();
}

byId('sign-in-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const token = byId('token');
  doing(event.submitter, async () => {
    const authorization = `Bearer ${token.value.trim()}`;
    token.value = '';
    if (/[^\x21-\x7e ]/.test(authorization)) throw new Error('A token holds no such letters. Paste it again.');
    await showWorkspace(await call('/api/session', { method: 'POST', headers: { authorization } }));
    byId('name').focus();
  });
});

byId('sign-out').addEventListener('click', (event) => {
  doing(event.target, async () => {
    await call('/api/session', { method: 'DELETE' });
    history.replaceState(null, '', '/');
    byId('projects').replaceChildren();
    showSignIn();
  });
});

// --- Projects ---

let nextPage = null;

async function listProjects() {
  const page = await call(`/api/projects?limit=50${nextPage === null ? '' : `&cursor=${nextPage}`}`);
  const list = byId('projects');
  if (nextPage === null) list.replaceChildren();
  list.append(...page.projects.map((project) => entry(project.project_name)));
  nextPage = page.next_cursor;
  show('more-projects', nextPage !== null);
  show('no-projects', list.children.length === 0);
  markCurrent();
}

function entry(name) {
  return element('li', {}, element('a', { href: `#${name}`, textContent: name }));
}

function markCurrent() {
  for (const link of byId('projects').querySelectorAll('a')) {
    if (link.textContent === watched?.name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

byId('more-projects').addEventListener('click', (event) => doing(event.target, listProjects));

function openFromAddress() {
  const name = location.hash.slice(1);
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name) || byId('workspace').hidden) return;
  byId('name').value = name;
  watch(name);
}
addEventListener('hashchange', () => {
  openFromAddress();
  byId('project-title').focus();
});

// --- Sending ---

byId('example').addEventListener('click', () => {
  byId('code').value = EXAMPLE;
  byId('file').value = '';
  byId('code').focus();
});

byId('upload').addEventListener('submit', (event) => {
  event.preventDefault();
  doing(event.submitter, async () => {
    const name = byId('name').value;
    const file = byId('file').files[0];
    if (!file && byId('code').value.trim() === '') throw new Error('Write a script, or choose a file.');
    await call(`/api/projects/${name}/upload-script`, {
      method: 'POST',
      headers: { 'content-type': 'text/x-python' },
      body: file ?? byId('code').value,
    });
    byId('file').value = '';
    const listed = [...byId('projects').querySelectorAll('a')].some((link) => link.textContent === name);
    if (!listed) byId('projects').prepend(entry(name));
    show('no-projects', false);
    history.replaceState(null, '', `#${name}`);
    watch(name);
    byId('project-title').focus();
  });
});

// --- One project, as it changes ---

/** The project that is shown, the end of its watching, and what of it is on the page already. */
let watched = null;

/** Shows a project from now on, or none. */
function watch(name) {
  watched?.end.abort();
  watched = name === null ? null : { name, end: new AbortController(), shown: '' };
  for (const part of PARTS) show(part, false);
  show('project', name !== null);
  markCurrent();
  if (name === null) return;
  byId('project-title').textContent = name;
  byId('status').textContent = 'Looking…';
  follow(watched).catch((error) => (error.name === 'AbortError' ? null : tell(error)));
}

/** Hears of changes by a WebSocket; while there is none, by calls that wait. */
async function follow(project) {
  const { name, end } = project;
  const path = `/api/projects/${name}`;
  while (!end.signal.aborted) {
    const heard = await listen(project, `${path}/watch`);
    if (end.signal.aborted) return;
    try {
      showStatus(project, await call(`${path}/status${heard ? '' : '?wait=20'}`, { signal: end.signal }));
    } catch (error) {
      // This also explains a missing WebSocket: the project may belong to someone else. An unreachable service is tried again.
      if (error.status === 401) showSignIn();
      if (error.status < 500 || error.name === 'AbortError') throw error;
      byId('status').textContent = error.message;
      project.shown = '';
    }
    await new Promise((resume) => setTimeout(resume, 1_000));
  }
}

/** Listens until the WebSocket ends; whether it ever said anything. */
function listen(project, path) {
  return new Promise((ended) => {
    let heard = false;
    const socket = new WebSocket(new URL(path, location).href.replace('http', 'ws'));
    const ping = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('ping'), 30_000);
    project.end.signal.addEventListener('abort', () => socket.close());
    socket.addEventListener('message', ({ data }) => {
      if (data === 'pong') return;
      heard = true;
      showStatus(project, JSON.parse(data));
    });
    socket.addEventListener('close', () => {
      clearInterval(ping);
      ended(heard);
    });
  });
}

function showStatus(project, { status, status_info: info }) {
  if (project !== watched) return;
  const text = JSON.stringify(info);
  if (project.shown === text) return;
  project.shown = text;
  const { name } = project;
  const { version, phase, progress, queue } = info;
  const isFinal = FINAL.includes(phase);
  byId('project-title').textContent = version === null ? name : `${name}, version ${version}`;
  const line = byId('status');
  line.dataset.status = status;
  const ahead = queue?.ahead ? ` ${queue.ahead}${queue.at_least ? ' or more' : ''} ahead of it.` : '';
  line.textContent = info.message + ahead;
  show('progress', version !== null && !isFinal);
  const lines = progress?.lines ?? [];
  byId('lines').textContent = lines.join('\n');
  show('lines', lines.length > 0 && !isFinal);
  showFailure(info.error);
  showFacts(info);
  for (const part of ['figure', 'downloads', 'log']) show(part, false);
  show('cancel', version !== null && !isFinal);
  show('again', isFinal);
  show('show-log', Boolean(info.log));
  if (phase === 'completed') showFiles(project, info).catch(tell);
}

function showFailure(error) {
  const box = byId('failure');
  show('failure', Boolean(error));
  if (!error) return;
  const where = error.line ? `Line ${error.line}${error.column ? `, column ${error.column}` : ''}` : null;
  const parts = [element('strong', {}, error.code), ` ${error.message}`];
  if (where) parts.push(element('pre', {}, `${where}${error.source ? `\n${error.source}` : ''}`));
  if (error.traceback) {
    parts.push(element('details', {}, element('summary', {}, 'Traceback'), element('pre', {}, error.traceback)));
  }
  box.replaceChildren(...parts);
}

function showFacts({ geometry, warnings }) {
  const facts = [];
  const box = geometry?.bounding_box;
  const number = (value) => value.toLocaleString('en', { maximumFractionDigits: 2 });
  if (box) facts.push(['Size', `${box.max.map((most, axis) => number(most - box.min[axis])).join(' × ')} mm`]);
  if (geometry?.volume_mm3) facts.push(['Volume', `${number(geometry.volume_mm3)} mm³`]);
  if (geometry?.solids) facts.push(['Solids', number(geometry.solids)]);
  for (const warning of warnings ?? []) facts.push(['Warning', warning]);
  byId('facts').replaceChildren(...facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
  show('facts', facts.length > 0);
}

/** The picture and the download links of a finished version. */
async function showFiles(project, { version, available_formats: formats }) {
  const link = (format) =>
    call(`/api/projects/${project.name}/download/${format}?version=${version}`, { signal: project.end.signal });
  const links = await Promise.all(formats.map(link));
  if (project !== watched) return;
  byId('downloads').replaceChildren(...links.map((made) => element('li', {}, download(made, link))));
  show('downloads', links.length > 0);
  const picture = links.find(({ format }) => format === 'PNG');
  if (picture) {
    byId('picture').src = picture.download_url;
    byId('picture').alt = `Picture of ${project.name}, version ${version}`;
    show('figure', true);
  }
}

/** A link to one file, renewed when it has expired by the time that somebody follows it. */
function download(made, link) {
  const size = made.size < 1_000 ? `${made.size} B` : `${Math.round(made.size / 1_000).toLocaleString('en')} KB`;
  const anchor = element('a', { href: made.download_url, rel: 'noopener' }, made.format, ' ', element('small', {}, size));
  let until = Date.parse(made.expires_at);
  anchor.addEventListener('click', async (event) => {
    if (Date.now() < until - RENEWED) return;
    event.preventDefault();
    try {
      const fresh = await link(made.format);
      until = Date.parse(fresh.expires_at);
      anchor.href = fresh.download_url;
      // The store answers with a file to keep, so this page stays where it is.
      location.assign(fresh.download_url);
    } catch (error) {
      tell(error);
    }
  });
  return anchor;
}

/** The call `action` on the version that is shown. */
const act = (action) => (event) => {
  const { name, shown } = watched;
  doing(event.target, () => call(`/api/projects/${name}/${action}/${JSON.parse(shown).version}`, { method: 'POST' }));
};
byId('cancel').addEventListener('click', act('cancel'));
byId('again').addEventListener('click', act('retry'));

byId('show-log').addEventListener('click', (event) => {
  const { name, shown } = watched;
  doing(event.target, async () => {
    const file = JSON.parse(shown).log.split('/').pop();
    const log = await call(`/api/projects/${name}/logs/${encodeURIComponent(file)}`);
    byId('log').textContent = log.content;
    show('log', true);
    byId('log').focus();
  });
});

begin();
