import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { expect, it } from "vitest";

import { base64url, bytes, seal, type ContactForm } from "../src/contact/seal";

const FORM: ContactForm = {
  format: 1, name: "Yannick", channel: "phone", phone: "0639980123", email: "", when: ["morning"], topic: "metier",
  actor: "", origin: "home", message: "", postcode: "", language: "fr",
};
const CONTEXT = { terminal: "laval-01", generation: 3, consent: "2026-11" };
const ID = "0b0c1d2e-3f40-4a5b-8c6d-7e8f90a1b2c3";

const suite = () => new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() });

async function server() {
  const pair = await suite().kem.generateKeyPair();
  const raw = await suite().kem.serializePublicKey(pair.publicKey);
  const open = async (enc: string, ciphertext: string, info: string) => {
    const recipient = { recipientKey: pair.privateKey, enc: bytes(enc), info: new TextEncoder().encode(info).buffer };
    return new TextDecoder().decode(await suite().open(recipient, bytes(ciphertext)));
  };
  return { key: { kid: "2026-a", public: base64url(raw) }, open };
}

it("is opened by the server, with the binding of wire/request.py", async () => {
  const { key, open } = await server();
  const sealed = await seal(FORM, key, CONTEXT, ID);
  expect(sealed).toMatchObject({ id: ID, kid: "2026-a", consent: "2026-11" });
  expect(sealed.enc).toHaveLength(43);
  const clear = await open(sealed.enc, sealed.ciphertext, `balise-request/1|laval-01|3|2026-11|${ID}`);
  expect(JSON.parse(clear)).toEqual(FORM);
});

it("can't be moved to another consent text", async () => {
  const { key, open } = await server();
  const sealed = await seal(FORM, key, CONTEXT, ID);
  await expect(open(sealed.enc, sealed.ciphertext, `balise-request/1|laval-01|3|2026-12|${ID}`)).rejects.toThrow();
});

it("shows nothing of what was typed", async () => {
  const { key } = await server();
  const sealed = JSON.stringify(await seal(FORM, key, CONTEXT, ID));
  expect(sealed).not.toContain("Yannick");
  expect(sealed).not.toContain(btoa("Yannick").slice(0, 8));
});
