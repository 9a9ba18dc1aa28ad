/** Batch after batch, each read from the last row of the one before, until one is not full; none is empty. */
export async function* readBatches<Row>(
  size: number,
  read: (last: Row | undefined) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  let last: Row | undefined;
  for (;;) {
    const rows = await read(last);
    if (rows.length > 0) yield rows;
    if (rows.length < size) return;
    last = rows.at(-1);
  }
}

/** Deletes batch after batch until one is not full. Between two of them `signal` ends it by throwing its reason. */
export async function deleteBatches(
  size: number,
  signal: AbortSignal,
  deleteSome: (size: number) => Promise<number>,
): Promise<void> {
  do signal.throwIfAborted();
  while ((await deleteSome(size)) >= size);
}
