/** Seals a form in the page: only the server can open it. RFC 9180, base mode; the context is the one `wire/request.py` opens. */

import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";

import type { SealedRequest, SealingKey } from "../wire";

/** The clear text (`ContactForm` of wire/request.py); it exists in this page's memory and on the server. */
export interface ContactForm {
  format: 1;
  name: string;
  channel: "phone" | "email" | "sms";
  phone: string;
  email: string;
  when: string[];
  topic: string;
  actor: string;
  origin: string;
  message: string;
  postcode: string;
  language: string;
}

export interface SealingContext {
  terminal: string;
  generation: number;
  consent: string;
}

export async function seal(form: ContactForm, key: SealingKey, context: SealingContext, id: string): Promise<SealedRequest> {
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() });
  const recipientPublicKey = await suite.kem.deserializePublicKey(bytes(key.public));
  const info = new TextEncoder().encode(
    `balise-request/1|${context.terminal}|${context.generation}|${context.consent}|${id}`,
  );
  const clear = new TextEncoder().encode(JSON.stringify(form));
  const { ct, enc } = await suite.seal({ recipientPublicKey, info: info.buffer }, clear.buffer);
  return { id, kid: key.kid, consent: context.consent, enc: base64url(enc), ciphertext: base64url(ct) };
}

export function base64url(raw: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(raw), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export function bytes(encoded: string): ArrayBuffer {
  const text = atob(encoded.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0)).buffer;
}
