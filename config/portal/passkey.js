// Passkeys: asks the server what to sign, has the browser sign it, and hands it back. Nothing else on these pages needs a script.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function ask(path, fields) {
  const answer = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  if (!answer.ok) throw new Error("refused");
  return answer.json();
}

function asked(options) {
  options.challenge = bytes(options.challenge);
  for (const name of ["allowCredentials", "excludeCredentials"])
    for (const key of options[name] || []) key.id = bytes(key.id);
  if (options.user) options.user.id = bytes(options.user.id);
  return { publicKey: options };
}

function said(credential) {
  const response = { clientDataJSON: text(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"])
    if (credential.response[name]) response[name] = text(credential.response[name]);
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
}

for (const form of document.querySelectorAll("form[data-passkey]"))
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const failed = form.querySelector("[role=alert]");
    failed.hidden = true;
    try {
      const what = { form: form.elements.form.value, for: form.dataset.passkey };
      const options = asked(await ask("/login/passkey/options", what));
      const credential =
        what.for === "make" ? await navigator.credentials.create(options) : await navigator.credentials.get(options);
      location.assign((await ask("/login/passkey", { ...what, credential: said(credential) })).next);
    } catch {
      failed.hidden = false;
    }
  });
