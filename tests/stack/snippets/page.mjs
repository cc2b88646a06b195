// A page that uses the two snippets beside this file as they are: node page.mjs BASE PROJECT FORMAT
// Gives them what a browser would and writes down, as JSON, what they did with it.

import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import vm from 'node:vm';

const [base, project, format] = process.argv.slice(2);
const shown = [];
const opened = [];
const page = vm.createContext({
  // A browser resolves relative addresses against the page's own.
  fetch: (path, options) => fetch(new URL(path, base), options),
  updateUI: (status) => shown.push(status),
  window: { open: (url, target) => opened.push({ url, target }) },
});
for (const name of ['poll_status.js', 'download.js']) {
  vm.runInContext(await readFile(new URL(name, import.meta.url), 'utf8'), page, { filename: name });
}
await vm.runInContext('pollStatus', page)(project);
await vm.runInContext('downloadModel', page)(project, format);

const response = await fetch(opened[0].url);
const file = Buffer.from(await response.arrayBuffer());
const sha256 = createHash('sha256').update(file).digest('hex');
console.log(JSON.stringify({ shown, opened, status: response.status, sha256 }));
