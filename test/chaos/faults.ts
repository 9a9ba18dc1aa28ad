import type { SmtpServerEvent, SmtpServerFault, SmtpServerStage } from '../support/smtp-server.js';
import { Draw } from './draw.js';
import type { Schedule } from './schedule.js';

interface Fault {
  stage: SmtpServerStage;
  fault: SmtpServerFault;
  /** The connection is lost by it, and the mail server rests. */
  breaks?: true;
}

const REFUSALS: readonly [Fault, ...Fault[]] = [
  { stage: 'rcpt', fault: { reply: '451 4.7.1 greylisted' } },
  { stage: 'rcpt', fault: { reply: '550 5.1.1 unknown' } },
  { stage: 'rcpt', fault: { reply: '452 4.5.3 too many' } },
  { stage: 'data', fault: { reply: '451 not now' } },
  { stage: 'dot', fault: { reply: '452 4.2.2 full' } },
  { stage: 'dot', fault: { reply: '554 5.0.0 refused' } },
  { stage: 'dot', fault: { reply: '451 4.4.0 the system behind is slow' } },
  { stage: 'dot', fault: { reply: '550 5.7.1 looks like spam' } },
];

const BREAKS: readonly [Fault, ...Fault[]] = [
  { stage: 'mail', fault: { reply: '421 4.3.2 going down', thenDrop: true }, breaks: true },
  { stage: 'mail', fault: { reply: '451 4.3.0 busy' }, breaks: true },
  { stage: 'mail', fault: 'drop', breaks: true },
  { stage: 'rcpt', fault: 'drop', breaks: true },
  { stage: 'data', fault: 'drop', breaks: true },
  { stage: 'dot', fault: 'drop', breaks: true },
  { stage: 'dot', fault: { reply: '421 4.7.0 too fast', thenDrop: true }, breaks: true },
  { stage: 'dot-reply', fault: 'drop', breaks: true },
  { stage: 'dot-reply', fault: { garbage: '25', thenDrop: true }, breaks: true },
  { stage: 'dot-reply', fault: { garbage: 'what?\r\n', thenDrop: true }, breaks: true },
  { stage: 'rcpt', fault: 'stall', breaks: true },
  { stage: 'dot-reply', fault: 'stall', breaks: true },
];

const OPENING: readonly [Fault, ...Fault[]] = [
  { stage: 'connect', fault: 'drop', breaks: true },
  { stage: 'connect', fault: { reply: '554 5.3.2 no service', thenDrop: true }, breaks: true },
  { stage: 'connect', fault: { garbage: 'SSH-2.0\r\n', thenDrop: true }, breaks: true },
  { stage: 'ehlo', fault: { reply: '421 4.3.2 not now', thenDrop: true }, breaks: true },
];

/** A letter is refused this often at most, and a connection after these is never refused: a run comes to an end. */
const TRIES = 2;
const OPENINGS = 8;
/** One that breaks is this much more seldom. */
const BREAKS_AMONG = 5;

/** The mail servers' faults in one run. A recipient's fault at their n-th time at a stage depends on the seed alone. */
export class Faults {
  /** How many connections were broken. */
  broken = 0;
  readonly #draw: Draw;
  readonly #schedule: Schedule;
  readonly #times = new Map<string, number>();

  constructor(schedule: Schedule) {
    this.#draw = new Draw(schedule.seed);
    this.#schedule = schedule;
  }

  choose({ stage, recipient, connectionNumber }: SmtpServerEvent): SmtpServerFault | undefined {
    const isOpening = stage === 'connect' || stage === 'ehlo';
    if (isOpening)
      return connectionNumber <= OPENINGS ? this.#ask(OPENING, stage, `open ${connectionNumber}`) : undefined;
    // The recipient is not known at MAIL yet: the letters are counted instead.
    const who = stage === 'mail' ? stage : `${stage} ${recipient}`;
    const time = (this.#times.get(who) ?? 0) + 1;
    this.#times.set(who, time);
    if (stage !== 'mail' && time > TRIES) return undefined;
    const mayBreak = this.#draw.below(BREAKS_AMONG, `breaks ${who} ${time}`) === 0;
    return this.#ask(mayBreak ? BREAKS : REFUSALS, stage, `${who} ${time}`);
  }

  #ask(list: readonly [Fault, ...Fault[]], stage: SmtpServerStage, question: string): SmtpServerFault | undefined {
    const { faults, breaks, relayWeights } = this.#schedule;
    if (!this.#draw.chance(faults, question)) return undefined;
    const chosen = this.#draw.pick(list, `which ${question}`);
    if (chosen.stage !== stage) return undefined;
    // The time limits of relays in the database are minutes.
    if (chosen.fault === 'stall' && relayWeights.length > 0) return undefined;
    if (chosen.breaks) {
      if (this.broken >= breaks) return undefined;
      this.broken += 1;
    }
    return chosen.fault;
  }
}
