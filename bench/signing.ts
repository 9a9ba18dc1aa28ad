/**
 * What a DKIM signature costs (RFC 6376; RFC 8463 for Ed25519): one SHA-256 of the body and one signature over the headers for each letter.
 * Vestnik does not sign; this is the processor's time alone, beside it.
 */
import { generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto';

import type { Contestant } from './contestants.js';
import { WIRE_BYTES } from './letter.js';

/** Those that are signed, with the DKIM-Signature field itself, as Vestnik's letter has them. */
const HEADER_BYTES = 900;

export function makeSigners(): Contestant[] {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  return [
    asContestant('RSA-2048 alone', (headers) => sign('sha256', headers, rsa)),
    // RFC 8463, section 3: what is signed is the hash of the headers.
    asContestant('Ed25519 alone', (headers) => sign(null, hash('sha256', headers, 'buffer'), ed25519)),
  ];
}

function asContestant(name: string, signHeaders: (headers: Buffer) => Buffer): Contestant {
  return {
    name,
    missing: undefined,
    send(letters) {
      // What is in them does not matter to the time.
      const [headers, body] = [randomBytes(HEADER_BYTES), randomBytes(WIRE_BYTES - HEADER_BYTES)];
      const began = performance.now();
      for (let n = 0; n < letters; n += 1) {
        headers.write(hash('sha256', body, 'base64'), 'latin1');
        signHeaders(headers);
      }
      return Promise.resolve((performance.now() - began) / 1000);
    },
  };
}
