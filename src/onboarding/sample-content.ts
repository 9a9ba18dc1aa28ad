// pure
import type { SampleDelivery } from '../delivery/sample-delivery-store.js';
import type { Locale } from '../lib/i18n.js';
import type { MessageValues } from '../messages/message.js';
import type { RecipientValues } from '../recipients/recipient.js';

/* What the sample data says. The addresses lie in domains that belong to nobody (RFC 2606, section 3). */

type Fate = 'accepted' | 'accepted_later' | 'unknown_user' | 'mailbox_full';

interface Person extends Pick<RecipientValues, 'email' | 'name' | 'attributes'> {
  fate: Fate;
}

const RUSSIAN: Person[] = [
  {
    email: 'anna.smirnova@example.com',
    name: 'Смирнова Анна Павловна',
    attributes: { city: 'Казань' },
    fate: 'accepted',
  },
  {
    email: 'dmitry.kuznetsov@example.com',
    name: 'Кузнецов Дмитрий Олегович',
    attributes: { city: 'Тверь' },
    fate: 'accepted',
  },
  {
    email: 'elena.morozova@example.org',
    name: 'Морозова Елена Игоревна',
    attributes: { city: 'Пермь' },
    fate: 'accepted_later',
  },
  { email: 'sergey.volkov@example.com', name: 'Волков Сергей Андреевич', attributes: {}, fate: 'accepted' },
  {
    email: 'olga.belova@example.org',
    name: 'Белова Ольга Викторовна',
    attributes: { city: 'Самара' },
    fate: 'unknown_user',
  },
  { email: 'ivan.sokolov@example.com', name: 'Соколов Иван Петрович', attributes: { city: 'Омск' }, fate: 'accepted' },
];
const ENGLISH: Person[] = [
  { email: 'emma.clark@example.com', name: 'Emma Clark', attributes: { city: 'Bristol' }, fate: 'accepted' },
  { email: 'james.wright@example.org', name: 'James Wright', attributes: { city: 'Leeds' }, fate: 'mailbox_full' },
  { email: 'sofia.rossi@example.org', name: 'Sofia Rossi', attributes: { city: 'Turin' }, fate: 'accepted' },
  { email: 'lucas.martin@example.com', name: 'Lucas Martin', attributes: {}, fate: 'accepted' },
];
const PEOPLE = [...RUSSIAN, ...ENGLISH];

const COMMENTS: Record<Locale, string> = { ru: 'Пример', en: 'Sample' };

const MESSAGES: Record<Locale, [MessageValues, MessageValues]> = {
  ru: [
    {
      subject: '{{ name }}, в мае у нас новая коллекция',
      body: `Здравствуйте, {{ name }}!

В мае в нашем магазине появится новая коллекция садовой мебели: лёгкие кресла, складные столы и подвесные качели.

Посмотрите её раньше других: https://example.com/sad
{% if attributes.city %}
Доставка в город {{ attributes.city }} — бесплатно до конца месяца.
{% endif %}
С уважением,
магазин «Зелёный двор»

Вы получили это письмо на адрес {{ email }}.`,
    },
    {
      subject: 'Спасибо за покупку!',
      body: `{{ name | default: "Здравствуйте" }}, спасибо, что выбрали нас!

Если что-то не подошло, просто ответьте на это письмо: поменяем или вернём деньги.

Магазин «Зелёный двор»`,
    },
  ],
  en: [
    {
      subject: '{{ name }}, our new collection arrives in May',
      body: `Hello {{ name }},

In May our shop gets a new collection of garden furniture: light chairs, folding tables and garden swings.

See it before everybody else: https://example.com/garden
{% if attributes.city %}
Delivery to {{ attributes.city }} is free until the end of the month.
{% endif %}
Kind regards,
The Green Yard

You received this letter at {{ email }}.`,
    },
    {
      subject: 'Thank you for your order!',
      body: `{{ name | default: "Hello" }}, thank you for choosing us!

If something does not fit, just answer this letter: we will exchange it or return your money.

The Green Yard`,
    },
  ],
};

export function sampleRecipients(locale: Locale): RecipientValues[] {
  return PEOPLE.map(({ email, name, attributes }) => ({ email, name, attributes, comment: COMMENTS[locale] }));
}

/** The first one is what the sample mailing sent. */
export function sampleMessages(locale: Locale): [MessageValues, MessageValues] {
  return MESSAGES[locale];
}

const RETRY_AFTER_MS = 5 * 60_000;

/** Ids by address: a recipient whom the owner had before is none of the sample's. */
export function sampleDeliveries(startedAt: Date, recipientIds: Map<string, number>): SampleDelivery[] {
  return PEOPLE.map(({ email, name, attributes, fate }, index) => {
    const attempts = tellAttempts(fate, email, new Date(startedAt.getTime() + 40 * index), index);
    const state = attempts.at(-1)?.outcome === 'accepted' ? 'accepted' : 'rejected';
    return { recipientId: recipientIds.get(email) ?? null, address: email, name, attributes, state, attempts };
  });
}

/** When the last of them was done. */
export function sampleFinish(startedAt: Date): Date {
  return new Date(startedAt.getTime() + RETRY_AFTER_MS + 2000);
}

const RELAY = 'smtp.example.net:587';

type Told = SampleDelivery['attempts'][number];

function tellAttempts(fate: Fate, address: string, startedAt: Date, index: number): Told[] {
  if (fate === 'accepted') return [tellAcceptance(startedAt, index)];
  const refusal = tellRefusal(fate, address, startedAt, index);
  if (fate !== 'accepted_later') return [refusal];
  return [refusal, tellAcceptance(new Date(startedAt.getTime() + RETRY_AFTER_MS), index)];
}

function tellAcceptance(startedAt: Date, index: number): Told {
  const queued = `4bR${(12_081 + index * 467).toString(36).toUpperCase()}z3wTk`;
  return {
    relay: RELAY,
    stage: 'dot',
    outcome: 'accepted',
    replyCode: 250,
    enhancedCode: '2.0.0',
    reply: `2.0.0 Ok: queued as ${queued}`,
    startedAt,
    durationMs: 120 + index * 17,
  };
}

const REFUSALS = {
  accepted_later: [450, '4.2.0', 'Recipient address rejected: Greylisted, try again in 300 seconds'],
  unknown_user: [550, '5.1.1', 'Recipient address rejected: User unknown in virtual mailbox table'],
  mailbox_full: [552, '5.2.2', 'Mailbox is full\nThe recipient has used up the space of this mailbox'],
} as const;

function tellRefusal(fate: keyof typeof REFUSALS, address: string, startedAt: Date, index: number): Told {
  const [replyCode, enhancedCode, reason] = REFUSALS[fate];
  return {
    relay: RELAY,
    stage: 'rcpt',
    outcome: replyCode < 500 ? 'deferred' : 'rejected',
    replyCode,
    enhancedCode,
    reply: `${enhancedCode} <${address}>: ${reason}`,
    startedAt,
    durationMs: 60 + index * 9,
  };
}
