/** Where a letter, or the connection that was to carry it, had got to. `dot` is the content and its final dot. */
export type SmtpStage = 'connect' | 'greeting' | 'ehlo' | 'starttls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'dot';

export interface SmtpReply {
  code: number;
  /** RFC 3463, as the server announced it (RFC 2034): `4.7.1`. */
  enhancedCode: string | null;
  /** All lines without their codes, joined by `\n`. */
  text: string;
}

interface OutcomeFacts {
  stage: SmtpStage;
  /** From the first byte of the letter's envelope, or of the connection, to the outcome. */
  durationMs: number;
  /** `host:port` as configured. */
  relay: string;
  /** `TLSv1.3` and the like, null where the connection is not encrypted. */
  tls: string | null;
  /**
   * `worked`: the letter's commands came behind another's, and were answered. `suspect`: it failed as it would on a server that offers
   * PIPELINING and does not keep to it, before any letter showed that it does. Absent where it says nothing. For `PipeliningTrust`.
   */
  pipelining?: 'worked' | 'suspect' | undefined;
}

export interface AcceptedOutcome extends OutcomeFacts {
  kind: 'accepted';
  reply: SmtpReply;
  finalDotMayHaveLeft: false;
}

/** The server answered 4xx or 5xx; or, where `local`, this side knew that it could only refuse, and sent nothing. */
export interface RefusedOutcome extends OutcomeFacts {
  kind: 'refused';
  reply: SmtpReply;
  local: boolean;
  finalDotMayHaveLeft: false;
}

/**
 * `connection`: could not be made, or broke. `timeout`: the server was silent. `protocol`: it did not speak SMTP.
 * `tls`: no encryption could be agreed. `closing`: the server said 421 to something else, and closed. `closed`: this side gave up.
 */
export type LossCause = 'connection' | 'timeout' | 'protocol' | 'tls' | 'closing' | 'closed';

export interface LostOutcome extends OutcomeFacts {
  kind: 'lost';
  reply: null;
  cause: LossCause;
  /** One sentence for people, without secrets. */
  error: string;
  /** Whether a byte of this letter's envelope was handed to the socket. */
  begun: boolean;
  /**
   * True from handing the final dot, or the last octet of BDAT LAST, to the socket until its reply: nobody can know whether the letter
   * was taken. False all the same where the server said 421 to what came before, and then closed without another word: it says with
   * 421 that it closes (RFC 5321 3.8), and it answers in order.
   */
  finalDotMayHaveLeft: boolean;
}

export type SendOutcome = AcceptedOutcome | RefusedOutcome | LostOutcome;

/** Why a connection can no longer be used. */
export interface SmtpFault {
  cause: LossCause;
  error: string;
}

export const CLOSED: SmtpFault = { cause: 'closed', error: 'the connection was closed by this side' };
export const RECALLED: SmtpFault = { cause: 'closed', error: 'the letter was called back before its content was sent' };

/** RFC 5321 3.8 and 4.2.3: it may answer anything, and says that the server closes the connection. The wire ends by it, whoever else takes it. */
export const CLOSING = 421;

/** RFC 5321 4.2.1: the first digit alone decides. */
export function isPositive(reply: SmtpReply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

export function isIntermediate(reply: SmtpReply): boolean {
  return reply.code >= 300 && reply.code < 400;
}

export function isRefusal(reply: SmtpReply): boolean {
  return reply.code >= 400;
}

export function describeReply(reply: SmtpReply): string {
  return `${reply.code} ${reply.text.replaceAll('\n', ' ')}`.trim().slice(0, 300);
}
