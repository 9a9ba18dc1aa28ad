// pure

interface SendingWindow {
  start: Date;
  end: Date;
}

/** What a new mailing's form begins with: the next full hour on the visitor's clock, and a day for it. */
export function suggestWindow(now: Date, timeZone: string): SendingWindow {
  const zoned = now.toTemporalInstant().toZonedDateTimeISO(timeZone);
  const hour = zoned.round({ smallestUnit: 'hour', roundingMode: 'floor' }).add({ hours: 1 });
  return { start: toDate(hour), end: toDate(hour.add({ days: 1 })) };
}

/** The first full hour that is at least an hour away, and from then on a window as long as the old one. */
export function repeatWindow(now: Date, old: SendingWindow): SendingWindow {
  const inAnHour = now.toTemporalInstant().add({ hours: 1 });
  const start = new Date(inAnHour.round({ smallestUnit: 'hour', roundingMode: 'ceil' }).epochMilliseconds);
  return { start, end: new Date(start.getTime() + old.end.getTime() - old.start.getTime()) };
}

function toDate(time: Temporal.ZonedDateTime): Date {
  return new Date(time.epochMilliseconds);
}
