// A person with a token and a keyboard signs in, makes a model, downloads it, sees an error, and signs out.
// Input: `url` of the service, `token`, `script` of a model, `snippets` of the layout's page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { inBrowser, tabTo, takePicture } from './browser.mjs';

await inBrowser(async ({ page, input, complaints }) => {
  const { keyboard } = page;
  const focused = (id) => page.locator(`#${id}:focus`).waitFor();
  const status = (value) => page.locator(`#status[data-status="${value}"]`).waitFor();

  await page.goto(`${input.url}/`);
  await focused('token');
  assert.equal(await page.locator('#open-mode').isHidden(), true);

  // An invalid token is refused, and the form stays.
  await keyboard.insertText('pw_none');
  await keyboard.press('Enter');
  await page.locator('#trouble').waitFor();
  await tabTo(page, 'token');
  await keyboard.insertText(input.token);
  await keyboard.press('Enter');
  await focused('name');
  assert.equal(await page.locator('#user').textContent(), 'anna@example.com');
  assert.equal(await page.locator('#token').inputValue(), '');
  assert.equal(await page.evaluate(() => document.cookie), '', 'a script can read the cookie');
  const [{ httpOnly, secure, sameSite }] = await page.context().cookies();
  assert.deepEqual({ httpOnly, secure, sameSite }, { httpOnly: true, secure: true, sameSite: 'Strict' });

  // The first version becomes a model.
  await keyboard.insertText('made-by-hand');
  await tabTo(page, 'code');
  await keyboard.insertText(input.script);
  await tabTo(page, 'send');
  await keyboard.press('Enter');
  await status('completed');
  await page.waitForFunction(() => {
    const { complete, naturalWidth } = document.getElementById('picture');
    return complete && naturalWidth > 100;
  });
  const links = page.locator('#downloads a');
  const formats = await links.evaluateAll((anchors) => anchors.map((anchor) => anchor.firstChild.data));
  assert.deepEqual(formats, ['FCStd', 'STEP', 'STL', 'OBJ', 'GLB', 'PNG']);
  await takePicture(page, input, 'page-desktop', 1200);
  await takePicture(page, input, 'page-phone', 390);

  // A link downloads its file, and the page stays.
  const started = page.waitForEvent('download');
  await links.nth(1).focus();
  await keyboard.press('Enter');
  const download = await started;
  assert.equal(download.suggestedFilename(), 'made-by-hand_v1.STEP');
  const step = await readFile(await download.path(), 'utf8');
  assert.ok(step.trimEnd().endsWith('END-ISO-10303-21;'), step.slice(-100));
  assert.equal(new URL(page.url()).hash, '#made-by-hand');

  // The layout's snippets work unchanged: the cookie is enough, and they need no header.
  const seen = await page.evaluate(`(async () => {
    const seen = [], updateUI = (status) => seen.push(status), window = { open: (url) => seen.push(url) };
    ${input.snippets}
    await pollStatus('made-by-hand');
    await downloadModel('made-by-hand', 'STEP');
    return seen;
  })()`);
  assert.equal(seen[0], 'completed');
  assert.match(seen[1], /\/made-by-hand\/v1\//);

  // The second version fails, and markup in its error stays text.
  await page.locator('#code').selectText();
  await tabTo(page, 'code');
  await keyboard.insertText("raise ValueError('<img src=x onerror=alert(1)>')\n");
  await tabTo(page, 'send');
  await keyboard.press('Enter');
  await status('error');
  const failure = await page.locator('#failure').innerText();
  assert.ok(failure.includes('Line 1') && failure.includes('<img src=x onerror=alert(1)>'), failure);
  assert.equal(await page.locator('#project img').count(), 1);
  await tabTo(page, 'show-log');
  await keyboard.press('Enter');
  await page.locator('#log', { hasText: 'ValueError' }).waitFor();

  // After a reload the person is still signed in and sees the same project.
  await page.reload();
  await status('error');
  assert.deepEqual(await page.locator('#projects a[aria-current]').allTextContents(), ['made-by-hand']);
  await page.locator('#sign-out').focus();
  await keyboard.press('Enter');
  await focused('token');
  assert.equal(await page.evaluate(() => fetch('/api/projects').then((answer) => answer.status)), 401);

  // The browser logs each 401, from which the page learns that nobody is signed in.
  const unexpected = complaints.filter((complaint) => !complaint.includes('responded with a status of 401'));
  assert.deepEqual(unexpected, []);
});
