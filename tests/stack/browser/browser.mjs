// Chromium for the programs beside this file. Each program is the part of one scenario that happens in a browser.
//
// A program gets its input as JSON on standard input. If anything throws, the program writes the reason to standard
// error and ends with status 1.

import { EventEmitter, once } from 'node:events';
import { json } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const { chromium } = await import(pathToFileURL(process.env.PARTWRIGHT_PLAYWRIGHT));

/** The time limit of each step, in milliseconds. It is long because test machines are busy. */
const TIMEOUT = 120_000;

/**
 * Runs `scenario` in a fresh browser.
 *
 * The scenario gets the `page`, the `input`, and the list of `complaints`: errors of scripts and of the console, and
 * violations of the page's content security policy. The list grows as complaints arrive.
 *
 * The browser keeps its profile in the working directory. It has a regular profile because a private window also blocks
 * third-party cookies, and the tests must show that the service needs no such help.
 */
export async function inBrowser(scenario) {
  const input = await json(process.stdin);
  const context = await chromium.launchPersistentContext('profile', {
    executablePath: process.env.PARTWRIGHT_CHROMIUM,
    // Chromium's own sandbox does not work for root. The pages come from the tests alone.
    chromiumSandbox: false,
    args: ['--disable-gpu', '--disable-quic', '--disable-sync'],
    viewport: { width: 1200, height: 1000 },
    timeout: TIMEOUT,
  });
  context.setDefaultTimeout(TIMEOUT);
  // The console does not name every violation: a blocked `eval`, for example, only throws.
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      console.error(`security policy violation: ${violatedDirective} blocked ${blockedURI}`);
    });
  });
  const [page] = context.pages();
  const complaints = collectComplaints(page);
  try {
    await scenario({ page, input, complaints });
  } catch (error) {
    const text = await page.locator('body').innerText({ timeout: 5_000 }).catch(() => '(no text)');
    console.error(error);
    console.error(`The page is ${page.url()} and says:\n${text}\nComplaints: ${JSON.stringify(complaints, null, 2)}`);
    process.exitCode = 1;
  } finally {
    await context.close();
  }
}

function collectComplaints(page) {
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(error.stack ?? String(error)));
  page.on('crash', () => complaints.push('the page crashed'));
  return complaints;
}

/** Waits for an error in the console that contains all of `words`. Call it before the step that causes the error. */
export function consoleError(page, ...words) {
  const matches = (message) => message.type() === 'error' && words.every((word) => message.text().includes(word));
  return page.waitForEvent('console', matches);
}

/**
 * Returns a function that waits for the status of the answer from an address.
 *
 * The function also knows the statuses of answers that the browser hides from the page. Playwright's `response` event
 * leaves those out, so this listens to Chromium itself. Each address must be requested only once.
 */
export async function watchStatuses(page) {
  const addresses = new Map();
  const statuses = new Map();
  const news = new EventEmitter();
  const session = await page.context().newCDPSession(page);
  // The two events of a request come in either order.
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    addresses.set(requestId, request.url);
    news.emit('change');
  });
  session.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => {
    statuses.set(requestId, statusCode);
    news.emit('change');
  });
  await session.send('Network.enable');
  const find = (url) => [...statuses].find(([id]) => addresses.get(id) === url)?.[1];
  return async (url) => {
    const signal = AbortSignal.timeout(TIMEOUT);
    while (find(url) === undefined) {
      await once(news, 'change', { signal }).catch(() => {
        throw new Error(`${url} did not answer in ${TIMEOUT / 1_000} s`);
      });
    }
    return find(url);
  };
}

/** Presses the Tab key until the element with this id has the focus. */
export async function tabTo(page, id) {
  for (let presses = 0; presses < 40; presses += 1) {
    if ((await page.evaluate(() => document.activeElement.id)) === id) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`the Tab key does not lead to #${id}`);
}

/** Keeps a picture of the page in a window of this width. Fails if the page is wider than the window. */
export async function takePicture(page, input, name, width) {
  await page.setViewportSize({ width, height: 900 });
  const fits = await page.evaluate(
    () => document.documentElement.scrollWidth <= document.documentElement.clientWidth,
  );
  if (!fits) throw new Error(`${name}: the page is wider than ${width} pixels`);
  await page.screenshot({ path: `${input.pictures}/${name}-${input.store}.png`, fullPage: true });
}
