// The API key that a user of the page has typed in, for what not everybody may see.

import { $, ask } from "./common.js";

let key = "";

/* Sends a request with the key. The answer says what to do where nothing is shown: ask for a key, or load the page again. */
export async function askAsOperator(path, options = {}) {
  const response = await ask(path, { ...options, headers: { ...(key ? { "X-API-Key": key } : {}), ...options.headers } });
  const wantsKey = response.headers.get("WWW-Authenticate") === "Bearer";
  const refusal = wantsKey ? (key ? "The API key is wrong." : "")
    : response.status === 401 ? "The password has changed: load this page again."
    : response.status === 429 ? "Too many wrong passwords or keys: wait a few seconds."
    : undefined;
  return { response, wantsKey, refusal, isLockedOut: response.status === 401 && !wantsKey };
}

/* Calls a function when a key has been typed into a form. */
export function whenKeyComes(form, input, then) {
  $(form).onsubmit = event => {
    event.preventDefault();
    key = $(input).value;
    then();
  };
}
