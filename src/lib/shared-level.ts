import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

import { RedisDriver } from 'bentocache/drivers/redis';
import type { Redis } from 'ioredis';

/** Longer than this Redis is not waited for: a page is computed in less. */
const PATIENCE_MS = 100;
/** Of 32 bytes in base64url. */
const SIGNATURE_LENGTH = 43;

/**
 * The level that processes share. One that hangs is left at the first command, and until it answers again nothing waits for it. Values are
 * signed together with their key: some are HTML that stands on a page as it is, and others may write to the same Redis.
 */
export function sharedLevel(redis: Redis, secret: string) {
  const options = { connection: redis };
  const seal = Buffer.from(hkdfSync('sha256', secret, '', 'vestnik cache values v1', 32));
  return { options, factory: (config: typeof options) => new ImpatientDriver(config, seal) };
}

class ImpatientDriver extends RedisDriver {
  readonly #seal: Buffer;

  constructor(options: { connection: Redis }, seal: Buffer) {
    super(options);
    this.#seal = seal;
  }

  /** What is not signed by this installation, for this key, is not there. */
  override async get(key: string) {
    const signed = (await this.#within(() => super.get(key))) ?? '';
    const value = signed.slice(SIGNATURE_LENGTH);
    const [given, own] = [Buffer.from(signed.slice(0, SIGNATURE_LENGTH)), Buffer.from(this.#sign(key, value))];
    return given.length === own.length && timingSafeEqual(given, own) ? value : undefined;
  }

  override set(key: string, value: string, ttl?: number) {
    return this.#within(() => super.set(key, this.#sign(key, value) + value, ttl));
  }

  #sign(key: string, value: string): string {
    return createHmac('sha256', this.#seal).update(`${key}\n`).update(value).digest('base64url');
  }

  async #within<T>(command: () => Promise<T>): Promise<T> {
    const redis = this.getConnection() as Redis;
    if (redis.status !== 'ready') throw new Error(`Redis is ${redis.status}`);
    let isAnswered = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const leave = () => {
        if (isAnswered) return;
        reject(new Error(`Redis did not answer in ${PATIENCE_MS} ms`));
        redis.disconnect(true);
      };
      // Was it this process that was late, the answer has arrived meanwhile and is read before this.
      timer = setTimeout(() => setImmediate(leave), PATIENCE_MS);
    });
    try {
      return await Promise.race([command(), late]);
    } finally {
      isAnswered = true;
      clearTimeout(timer);
    }
  }
}
