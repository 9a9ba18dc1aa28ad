import type { ColumnType } from 'kysely';

/** Kinds of columns that several tables have. */

export type Instant = ColumnType<Date, Date | string, Date | string>;
export type DefaultInstant = ColumnType<Date, Date | string | undefined, Date | string>;
