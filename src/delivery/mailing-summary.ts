// pure

/** What a finished mailing's report shows beside the books; plain JSON, so that it can be cached. */
export interface MailingSummary {
  /** Where the first stretch begins, on a round moment of UTC. */
  startsAt: string;
  stretchSeconds: number;
  /** Attempts that began in each stretch, and how many of them were accepted. */
  tries: number[];
  accepted: number[];
  /** When the first attempt began and the last one ended; null where there was none, or they are not kept any more. */
  firstAt: string | null;
  lastAt: string | null;
  /** Busiest first; empty where the attempts are not kept any more. */
  relays: RelayShare[];
}

export interface RelayShare {
  relay: string;
  tries: number;
  accepted: number;
}

/** What became of the recipients at one domain; '' is all domains beyond the largest. */
export interface MailingDomain {
  domain: string;
  audience: number;
  accepted: number;
  rejected: number;
  inDoubt: number;
  suppressed: number;
  expired: number;
  cancelled: number;
}
