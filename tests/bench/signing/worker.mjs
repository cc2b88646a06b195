// Our signer and aws4fetch in one workerd: `/ours?count=N` and `/aws4fetch?count=N` sign N links and answer with the last.
import { AwsClient } from "aws4fetch";
import module from "./signing_bg.wasm";
import { initSync, presign } from "./signing.js";

const ENDPOINT = "https://store.example.com";
const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };

initSync({ module });
// One client for all requests, so that it keeps the keys that it derives.
const client = new AwsClient({ ...KEYS, service: "s3", region: "us-east-1" });

async function theirs(count, now) {
  const datetime = new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, "");
  let last = "";
  for (let number = 0; number < count; number++) {
    const key = `output/demo/v${number}/0123456789abcdef/MyHeadlessModel.STEP`;
    const url = `${ENDPOINT}/models/${key}?X-Amz-Expires=3600`;
    last = (await client.sign(url, { method: "GET", aws: { signQuery: true, datetime } })).url;
  }
  return last;
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const count = Number(searchParams.get("count"));
    const now = Number(searchParams.get("now"));
    const sign = { "/ours": () => presign(ENDPOINT, KEYS.accessKeyId, KEYS.secretAccessKey, count, now), "/aws4fetch": () => theirs(count, now) };
    return new Response(await sign[pathname]());
  },
};
