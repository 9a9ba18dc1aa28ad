import { formatNumber, formatTimeWithSeconds } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { showSource, type Letter } from './inbox-letter.js';
import { LETTER_VIEWS, type LetterView, type StoredLetter } from './inbox.js';
import { findLinks } from './links.js';

interface LetterProps {
  view: View;
  stored: StoredLetter;
  letter: Letter;
  shown: LetterView;
}

/** More than a browser shows well at once; the rest is in the download. */
const MAX_SHOWN = 500_000;
const MAX_HEADERS = 500;
const MAX_LISTED = 20;

export function LetterPage(props: LetterProps) {
  const { view, stored, letter, shown } = props;
  const Body = BODIES[shown];
  return (
    <Layout
      view={view}
      title={stored.subject || view.t('inbox.noSubject')}
      back={{ href: '/inbox', label: view.t('inbox.list.title') }}
      actions={
        <a class="btn btn-outline-secondary" href={`/inbox/${stored.id}/letter.eml`}>
          <Icon name="download" />
          {view.t('inbox.letter.download')}
        </a>
      }
    >
      <LetterFacts {...props} />
      {!letter.isReadable && <p class="notice notice-warning">{view.t('inbox.letter.unreadable')}</p>}
      <nav class="letter-tabs" aria-label={view.t('inbox.letter.views')}>
        {LETTER_VIEWS.map((name) => (
          <a
            class="letter-tab"
            href={`/inbox/${stored.id}?view=${name}`}
            {...(name === shown ? { 'aria-current': 'page' as const } : {})}
          >
            {view.t(`inbox.letter.${name}`)}
          </a>
        ))}
      </nav>
      <Body {...props} />
    </Layout>
  );
}

function LetterFacts({ view, stored, letter }: LetterProps) {
  const kilobytes = formatNumber(view, Math.ceil(stored.source.length / 1024));
  return (
    <dl class="facts card card-body">
      <dt>{view.t('inbox.from')}</dt>
      <dd>
        <bdi>{letter.from || view.t('common.none')}</bdi>
      </dd>
      <dt>{view.t('inbox.to')}</dt>
      <dd>
        <bdi>{listSome(view, stored.recipients)}</bdi>
      </dd>
      <dt>{view.t('inbox.received')}</dt>
      <dd>
        <time datetime={stored.receivedAt.toISOString()}>{formatTimeWithSeconds(view, stored.receivedAt)}</time>
      </dd>
      <dt>{view.t('inbox.size')}</dt>
      <dd>{view.t('inbox.kilobytes', { number: kilobytes })}</dd>
      {letter.attachments.length > 0 && (
        <>
          <dt>{view.t('inbox.attachments')}</dt>
          <dd>
            <Attachments view={view} attachments={letter.attachments} />
          </dd>
        </>
      )}
    </dl>
  );
}

function Attachments({ view, attachments }: { view: View; attachments: Letter['attachments'] }) {
  return (
    <ul class="letter-attachments">
      {attachments.slice(0, MAX_LISTED).map(({ name, type, size }) => (
        <li>
          <bdi>{name || view.t('inbox.unnamed')}</bdi>{' '}
          <span class="text-body-secondary">
            {type}, {view.t('inbox.kilobytes', { number: formatNumber(view, Math.ceil(size / 1024)) })}
          </span>
        </li>
      ))}
      {attachments.length > MAX_LISTED && <li>{view.t('inbox.more', { count: attachments.length - MAX_LISTED })}</li>}
    </ul>
  );
}

function listSome(view: View, items: string[]): string {
  const shown = items.slice(0, MAX_LISTED).join(', ');
  if (items.length <= MAX_LISTED) return shown;
  return `${shown} ${view.t('inbox.more', { count: items.length - MAX_LISTED })}`;
}

/** On white paper of its own: the letter was written for that, whatever the theme of the page. */
function HtmlBody({ view, stored, letter }: LetterProps) {
  if (letter.html === null) return <p class="letter-missing">{view.t('inbox.letter.noHtml')}</p>;
  return (
    <iframe
      class="letter-frame"
      src={`/inbox/${stored.id}/html`}
      title={view.t('inbox.letter.frame')}
      sandbox="allow-popups allow-popups-to-escape-sandbox"
      referrerpolicy="no-referrer"
    ></iframe>
  );
}

function TextBody({ view, letter }: LetterProps) {
  if (letter.text === null) return <p class="letter-missing">{view.t('inbox.letter.noText')}</p>;
  return (
    <>
      <div class="letter-text card card-body" dir="auto">
        {findLinks(letter.text.slice(0, MAX_SHOWN)).map((piece) =>
          piece.kind === 'text' ? (
            piece.text
          ) : (
            <a href={piece.url} target="_blank" rel="noopener noreferrer">
              {piece.url}
            </a>
          ),
        )}
      </div>
      {letter.text.length > MAX_SHOWN && <CutOff view={view} />}
    </>
  );
}

function HeaderTable({ view, letter }: LetterProps) {
  if (letter.headers.length === 0) return <p class="letter-missing">{view.t('inbox.letter.noHeaders')}</p>;
  return (
    <>
      <div class="table-frame">
        <table class="table letter-headers">
          <thead class="visually-hidden">
            <tr>
              <th scope="col">{view.t('inbox.letter.headerName')}</th>
              <th scope="col">{view.t('inbox.letter.headerValue')}</th>
            </tr>
          </thead>
          <tbody>
            {letter.headers.slice(0, MAX_HEADERS).map(({ name, value }) => (
              <tr>
                <th scope="row">{name}</th>
                <td>
                  <bdi>{value.slice(0, 10_000)}</bdi>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {letter.headers.length > MAX_HEADERS && <CutOff view={view} />}
    </>
  );
}

function SourceBody({ view, stored }: LetterProps) {
  return (
    <>
      <pre class="letter-source card card-body" tabindex={0}>
        {`\n${showSource(stored.source, MAX_SHOWN)}`}
      </pre>
      {stored.source.length > MAX_SHOWN && <CutOff view={view} />}
    </>
  );
}

const BODIES = { html: HtmlBody, text: TextBody, headers: HeaderTable, source: SourceBody };

function CutOff({ view }: { view: View }) {
  return <p class="notice notice-warning">{view.t('inbox.letter.cutOff')}</p>;
}
