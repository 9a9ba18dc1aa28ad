import type { SmtpLine } from './smtp-trace.js';
import type { SmtpCredentials, TlsMode } from './smtp-url.js';

/** Milliseconds. RFC 5321 4.5.3.2 names minima for servers far away; a relay of one's own that takes longer is ill. */
export interface SmtpTimeouts {
  connect: number;
  greeting: number;
  /** Each of EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA. */
  command: number;
  /** For every quarter of a megabyte of content to be taken by the network. */
  dataBlock: number;
  /** RFC 5321 4.5.3.2.6: ten minutes. A shorter one makes letters in doubt that the server would have accepted. */
  finalDot: number;
  /** What `close` waits for letters on their way and for the reply to QUIT. */
  close: number;
  /** Without a letter for so long, a connection is stale: firewalls forget such without a word. */
  idle: number;
}

export const DEFAULT_TIMEOUTS: SmtpTimeouts = {
  connect: 30_000,
  greeting: 60_000,
  command: 60_000,
  dataBlock: 180_000,
  finalDot: 600_000,
  close: 8_000,
  idle: 30_000,
};

export const DEFAULT_LETTERS_ON_WIRE = 8;

/** What a letter that is called back with its envelope out still has to go on its way; then the connection is given up for it. */
export const LAST_CALL_MS = 800;

/** Whether letters may leave at this moment. */
export interface SmtpGate {
  /** Asked before anything of a letter is written. */
  mayBegin: () => boolean;
  /** Asked before the content of a letter whose envelope is out. */
  mayGoOn: () => boolean;
}

export const OPEN_GATE: SmtpGate = { mayBegin: () => true, mayGoOn: () => true };

/** What `parseSmtpUrl` gives fits as it is. */
export interface SmtpOptions {
  host: string;
  port: number;
  tls: TlsMode;
  verifyCertificate: boolean;
  credentials: SmtpCredentials | null;
  /** The name for EHLO, a fully qualified one; this side's address literal where left out (RFC 5321 4.1.1.1). */
  name?: string;
  /** PEM of whom to trust in place of the system's authorities. */
  certificateAuthority?: string;
  timeouts?: Partial<SmtpTimeouts>;
  /** False: one command at a time, whatever the server offers. See `PipeliningTrust`. */
  pipelining?: boolean;
  /** How many letters may be out unanswered where the server offers PIPELINING and CHUNKING; 8 where left out, 1 for none ahead. */
  lettersOnWire?: number;
  /** Ends the opening of a connection at once; one that is open is ended by its `close`. */
  signal?: AbortSignal;
  /** Open where left out. */
  gate?: SmtpGate;
  /** Told of every line of the conversation. */
  onLine?: (line: SmtpLine) => void;
}
