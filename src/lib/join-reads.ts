interface Reading<T> {
  now: Promise<T>;
  hasBegun: boolean;
  next?: Promise<T>;
}

/**
 * However many read the same thing at a time, two reads of it are under way at most: whoever comes while one runs waits for the next
 * one, which begins after they came. So nobody gets what was true before they asked.
 */
export function joinReads<Key, T>(read: (key: Key) => Promise<T>): (key: Key) => Promise<T> {
  const running = new Map<Key, Reading<T>>();
  const begin = (key: Key): Promise<T> => {
    // Not at once: a page that asks for several things asks for all of them in one go.
    const now = Promise.resolve().then(() => {
      reading.hasBegun = true;
      return read(key);
    });
    const reading: Reading<T> = { now, hasBegun: false };
    running.set(key, reading);
    const leave = () => {
      if (running.get(key) === reading && !reading.next) running.delete(key);
    };
    now.then(leave, leave);
    return now;
  };
  return (key) => {
    const reading = running.get(key);
    if (!reading) return begin(key);
    if (!reading.hasBegun) return reading.now;
    const follow = () => begin(key);
    reading.next ??= reading.now.then(follow, follow);
    return reading.next;
  };
}
