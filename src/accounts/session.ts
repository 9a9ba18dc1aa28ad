// pure

/** A session as its user sees it. */
export interface SessionLine {
  id: number;
  /** The one by which the page is seen. */
  isCurrent: boolean;
  address: string | null;
  userAgent: string | null;
  startedAt: Date;
  /** To some minutes. */
  usedAt: Date;
}
