// Pages of other sites try to use the session of a person who is signed in to the service.
// Input: `url` of the service, its `project` and `token`; `openUrl` of a service in open mode, and `openProject`, a
// project that it does not have; `otherSite`, the address of a page of another site; `otherOrigin`, the address of a
// page of another origin on the service's site.

import assert from 'node:assert/strict';
import { consoleError, inBrowser, watchStatuses } from './browser.mjs';

/** The calls that a browser sends for a page of another site without asking the service first. */
const POSTS = ['projects/{project}/upload-script', 'projects/{project}/cancel/1', 'projects/{project}/retry/1', 'tokens'];

await inBrowser(async ({ page, input }) => {
  const statusOf = await watchStatuses(page);
  const own = { url: input.url, project: input.project };
  const open = { url: input.openUrl, project: input.openProject };

  // The service's own page may do everything.
  await page.goto(`${own.url}/`);
  assert.equal(await signIn(page, input.token), 200);
  assert.equal(await upload(page, own.project), 201);
  assert.equal(await read(page, `${own.url}/api/projects`), 200);
  assert.equal(await watch(page, `${own.url}/api/projects/${own.project}/watch`), own.project);

  // The browser sends no cookie for a page of another site, so the service answers 401. It does send the cookie for
  // another origin of the same site, so the service refuses the origin with 403. Open mode needs no cookie.
  await tryFrom(page, statusOf, input.otherSite, own, 401);
  await tryFrom(page, statusOf, input.otherOrigin, own, 403);
  await tryFrom(page, statusOf, input.otherSite, open, 403);
  await tryFrom(page, statusOf, input.otherOrigin, open, 403);

  await page.goto(`${own.url}/`);
  assert.equal(await upload(page, own.project), 201, 'the session did not last');
});

/** Opens `from` and tries every way to the service. The page learns nothing; the service answers `status`, if asked. */
async function tryFrom(page, statusOf, from, service, status) {
  await page.goto(from);
  // Each request has its own address, by which its answer is found.
  const address = (path, way) => `${service.url}/api/${path.replace('{project}', service.project)}?${way}=${from}`;

  const readUrl = address('projects', 'read');
  assert.equal(await read(page, readUrl), 'refused', readUrl);

  for (const path of POSTS) {
    const url = address(path, 'post');
    assert.match(await post(page, url), /^(opaque|refused)$/, url);
    assert.equal(await statusOf(url), status, url);
  }

  // The browser asks the service first whether the page may send JSON. It may not.
  const jsonUrl = address(POSTS[0], 'json');
  assert.equal(await postJson(page, jsonUrl), 'refused', jsonUrl);

  const watchUrl = address('projects/{project}/watch', 'watch');
  // Chromium has one message for 401 and another one for the other statuses.
  const reason = status === 401 ? 'HTTP Authentication failed' : `response code: ${status}`;
  const complaint = consoleError(page, watchUrl.slice('http'.length), reason);
  assert.equal(await watch(page, watchUrl), 'refused', watchUrl);
  await complaint;

  // The form comes last, because it leads to another page.
  const formUrl = address(POSTS[1], 'form');
  await submitForm(page, formUrl);
  await page.waitForURL(formUrl);
  assert.equal(await statusOf(formUrl), status, formUrl);
}

// --- In the page ---

/** Opens a session; returns the status. */
function signIn(page, token) {
  return page.evaluate(async (token) => {
    const answer = await fetch('/api/session', { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    return answer.status;
  }, token);
}

/** Sends a script as the service's own page does; returns the status. */
function upload(page, project) {
  return page.evaluate(async (project) => {
    const headers = { 'content-type': 'text/x-python' };
    const answer = await fetch(`/api/projects/${project}/upload-script`, { method: 'POST', headers, body: 'x = 1' });
    return answer.status;
  }, project);
}

/** Reads with the cookie; returns the status or `refused`. */
function read(page, url) {
  return page.evaluate((url) => {
    return fetch(url, { credentials: 'include' }).then((answer) => answer.status, () => 'refused');
  }, url);
}

/** Posts with the cookie; returns `opaque`, the type of an answer that the page cannot read, or `refused`. */
function post(page, url) {
  return page.evaluate((url) => {
    const options = { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}' };
    return fetch(url, options).then((answer) => answer.type, () => 'refused');
  }, url);
}

/** Posts JSON with the cookie; returns `sent` or `refused`. */
function postJson(page, url) {
  return page.evaluate((url) => {
    const headers = { 'content-type': 'application/json' };
    const options = { method: 'POST', credentials: 'include', headers, body: '{}' };
    return fetch(url, options).then(() => 'sent', () => 'refused');
  }, url);
}

/** Opens a WebSocket; returns the project that its first message names, or `refused`. */
function watch(page, url) {
  return page.evaluate((url) => {
    return new Promise((resolve) => {
      const socket = new WebSocket(url.replace('http', 'ws'));
      socket.onmessage = ({ data }) => {
        resolve(JSON.parse(data).project_name);
        socket.close();
      };
      socket.onerror = () => resolve('refused');
    });
  }, url);
}

/** Submits a form, which opens the answer as a page. */
function submitForm(page, url) {
  return page.evaluate((url) => {
    const form = document.createElement('form');
    form.method = 'POST';
    form.action = url;
    document.body.append(form);
    form.submit();
  }, url);
}
