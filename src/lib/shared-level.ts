import { RedisDriver } from 'bentocache/drivers/redis';
import type { Redis } from 'ioredis';

/** Longer than this Redis is not waited for: a page is computed in less. */
const PATIENCE_MS = 100;

/** The level that processes share. One that hangs is left at the first command, and until it answers again nothing waits for it. */
export function sharedLevel(redis: Redis) {
  const options = { connection: redis };
  return { options, factory: (config: typeof options) => new ImpatientDriver(config) };
}

class ImpatientDriver extends RedisDriver {
  override get(key: string) {
    return this.#within(() => super.get(key));
  }

  override set(key: string, value: string, ttl?: number) {
    return this.#within(() => super.set(key, value, ttl));
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
