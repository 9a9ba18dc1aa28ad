import { ConfirmPage } from '../ui/confirm-page.js';
import { formatDateTime } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import type { MessageSummary } from './message.js';

export interface WaitingMailing {
  id: number;
  messageId: number | null;
  firstSendingAt: Date;
}

interface DeletionProps {
  view: View;
  messages: MessageSummary[];
  /** Mailings that have not started and use one of the messages. */
  waiting: WaitingMailing[];
}

export function MessageDeletionPage({ view, messages, waiting }: DeletionProps) {
  if (waiting.length > 0) return <MessagesInUsePage view={view} messages={messages} waiting={waiting} />;
  const count = messages.length;
  const [first] = messages;
  return (
    <ConfirmPage
      view={view}
      title={
        count === 1
          ? view.t('messages.deletion.titleOne', { subject: first?.subject })
          : view.t('messages.deletion.titleMany', { count })
      }
      cancelHref={count === 1 ? `/messages/${first?.id}` : '/messages'}
      action="/messages/deletion"
      submit={view.t('messages.deletion.submit', { count })}
      fields={messages.map(({ id }) => ['ids', String(id)])}
    >
      {count > 1 && (
        <ul class="deletion-list">
          {messages.map(({ subject }) => (
            <li>
              <bdi>{subject}</bdi>
            </li>
          ))}
        </ul>
      )}
      <p>{view.t('messages.deletion.goes', { count })}</p>
      <p>{view.t('messages.deletion.keeps')}</p>
    </ConfirmPage>
  );
}

/** What keeps messages from being deleted, and the rest that may go. */
function MessagesInUsePage({ view, messages, waiting }: DeletionProps) {
  const used = messages.filter(({ id }) => waiting.some(({ messageId }) => messageId === id));
  const free = messages.filter((message) => !used.includes(message));
  return (
    <Layout
      view={view}
      title={view.t('messages.deletion.inUseTitle', { count: used.length })}
      back={{ href: '/messages', label: view.t('messages.list.title') }}
      narrow
    >
      <section class="card card-body">
        <p>{view.t('messages.deletion.inUseText', { count: used.length })}</p>
        {used.map(({ id, subject }) => (
          <>
            <h2>
              <a href={`/messages/${id}`}>
                <bdi>{subject}</bdi>
              </a>
            </h2>
            <ul class="deletion-list">
              {waiting
                .filter(({ messageId }) => messageId === id)
                .map((mailing) => (
                  <li>
                    <a href={`/mailings/${mailing.id}`}>
                      {view.t('messages.deletion.mailing', { time: formatDateTime(view, mailing.firstSendingAt) })}
                    </a>
                  </li>
                ))}
            </ul>
          </>
        ))}
        {free.length > 0 && (
          <form method="get" action="/messages/deletion">
            {free.map(({ id }) => (
              <input type="hidden" name="ids" value={String(id)} />
            ))}
            <button class="btn btn-outline-danger" type="submit">
              {view.t('messages.deletion.deleteOthers', { count: free.length })}
            </button>
          </form>
        )}
      </section>
    </Layout>
  );
}
