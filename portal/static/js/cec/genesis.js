// The genesis head, whose hash a verifier pins (docs/formats.md, "Chain").

import { decodeCborMap } from './cbor.js';
import { expectBytes, expectMap } from './proof_file.js';
import { Invalid } from './refusal.js';

const MAX_HEAD = 1_024;
const FIELDS = ['chain_id', 'time_ms', 'initial_height', 'validators_hash', 'app_state', 'params'];

/** @param {Uint8Array} raw @returns {{chainId: string, validatorsHash: Uint8Array}} What a head says. */
export function parseHead(raw) {
  if (raw.length > MAX_HEAD) throw new Invalid(`a genesis head of ${raw.length} bytes`);
  const head = expectMap(decodeCborMap(raw), FIELDS);
  for (const name of ['validators_hash', 'app_state', 'params']) expectBytes(head[name]);
  const hasTimes = [head.time_ms, head.initial_height].every(
    (one) => typeof one === 'number' || typeof one === 'bigint',
  );
  if (typeof head.chain_id !== 'string' || !hasTimes)
    throw new Invalid('the genesis head does not have the fields of a head');
  return { chainId: head.chain_id, validatorsHash: head.validators_hash };
}
