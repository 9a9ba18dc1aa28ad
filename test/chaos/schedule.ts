/** What happens in a run: wholly derived from its seed. When exactly it happens is up to the machine, and never the same twice. */
import type { SmtpServerStage } from '../support/smtp-server.js';
import { Draw } from './draw.js';

const KINDS = [
  /** The database connections of a worker are ended by PostgreSQL. */
  'cut',
  /** A claim is committed, and its answer lost with the connection. */
  'loseClaim',
  /** The same with a record. */
  'loseRecord',
  /** The leases of a worker expire, as if it had been stopped by SIGSTOP; it goes on all the same. */
  'freeze',
  /** A worker dies as by kill -9; another one comes. */
  'kill',
  /** A worker is stopped in order; another one comes. */
  'restart',
  'pause',
  'block',
  /** Some recipients are deleted by their owner. */
  'delete',
  /** A mail server is gone for a while. */
  'vanish',
  /** The owner decides about what is in doubt: again, or not. */
  'decide',
  /** The owner stops the mailing for good. */
  'stop',
  /** The end of the mailing's window comes. */
  'expire',
] as const;
type BlowKind = (typeof KINDS)[number];

/** The last two end a mailing: rarely, or nothing else is seen. */
const USUAL = KINDS.slice(0, 11) as unknown as [BlowKind, ...BlowKind[]];
const FINAL = ['stop', 'expire'] as const;
/** Where in the conversation about a letter. */
const STAGES = ['mail', 'rcpt', 'data', 'dot', 'dot-reply'] as const satisfies SmtpServerStage[];

export interface Blow {
  kind: BlowKind;
  /** Falls when so many letters have been begun, and one of them is at this stage. */
  at: number;
  stage: SmtpServerStage;
  /** Which worker, owner or mail server, where there are several. */
  target: number;
  /** For how long, where it passes. */
  forMs: number;
}

export interface Schedule {
  seed: number;
  /** Each has one mailing to all of the recipients. */
  owners: number;
  recipients: number;
  workers: number;
  connections: number;
  /** Milliseconds that the mail server takes for a letter; so letters are under way when something happens. */
  slowMs: number;
  chunking: boolean;
  pipelining: boolean;
  /** None: the address of SMTP_URL is used. */
  relayWeights: number[];
  /** Letters a second; null where there is no limit. */
  mailingLimit: number | null;
  domainLimit: number | null;
  relayLimit: number | null;
  /** How many letters of a hundred meet a fault, for each stage. */
  faults: number;
  /** How many faults break a connection; each makes its mail server rest. */
  breaks: number;
  /** Rests are waited for. Elsewhere other workers come, that do not know of them. */
  isPatient: boolean;
  blows: Blow[];
}

export function chooseSchedule(seed: number): Schedule {
  const draw = new Draw(seed);
  const owners = draw.chance(30, 'owners') ? 2 : 1;
  // A worker claims up to 64 at once: only with more it has something to claim later on.
  const recipients = draw.chance(35, 'many') ? draw.between(70, 110, 'recipients') : draw.between(8, 40, 'recipients');
  const isPatient = draw.chance(3, 'patient');
  const limit = (question: string) => (draw.chance(20, question) ? draw.between(30, 120, `${question} letters`) : null);
  return {
    seed,
    owners,
    recipients,
    workers: draw.between(1, 3, 'workers'),
    connections: draw.between(1, 4, 'connections'),
    slowMs: draw.pick([0, 3, 10, 25, 60], 'slow'),
    chunking: draw.chance(40, 'chunking'),
    pipelining: draw.chance(85, 'pipelining'),
    relayWeights: draw.pick([[], [], [1], [1, 1], [3, 1], [1, 0]], 'relays'),
    mailingLimit: limit('mailing limit'),
    domainLimit: limit('domain limit'),
    relayLimit: limit('relay limit'),
    faults: draw.pick([0, 4, 15], 'faults'),
    breaks: draw.between(0, isPatient ? 1 : 3, 'breaks'),
    isPatient,
    blows: chooseBlows(draw, owners * recipients),
  };
}

function chooseBlows(draw: Draw, letters: number): Blow[] {
  const count = draw.between(1, 5, 'blows');
  const blows = Array.from({ length: count }, (_, index): Blow => {
    const ask = (what: string) => `blow ${index} ${what}`;
    const isFinal = index === count - 1 && draw.chance(15, ask('final'));
    return {
      kind: isFinal ? draw.pick(FINAL, ask('kind')) : draw.pick(USUAL, ask('kind')),
      at: draw.between(1, Math.max(1, Math.floor(letters * 0.8)), ask('at')),
      stage: draw.pick(STAGES, ask('stage')),
      target: draw.below(6, ask('target')),
      forMs: draw.pick([0, 20, 150, 600], ask('for')),
    };
  });
  return blows.toSorted((a, b) => a.at - b.at);
}

/** For whoever looks for the reason of a failure. */
export function describeSchedule({ blows, ...circumstances }: Schedule): string {
  const facts = Object.entries(circumstances).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const lines = blows.map(
    ({ kind, at, stage, target, forMs }) => `  at letter ${at}, ${stage}: ${kind} (target ${target}, ${forMs} ms)`,
  );
  return [facts.join(', '), ...lines].join('\n');
}
