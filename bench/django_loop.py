"""Sends letters with Django's send_mail in a loop; prints the seconds it took. The job comes as JSON on the standard input."""
import json
import sys
import time

from django.conf import settings
from django.core.mail import send_mail

job = json.load(sys.stdin)
settings.configure(
    EMAIL_BACKEND='django.core.mail.backends.smtp.EmailBackend',
    EMAIL_HOST='127.0.0.1',
    EMAIL_PORT=job['port'],
    USE_TZ=True,
)


def fill_in(text, n):
    return (
        text.replace('{{ name }}', f'Анна {n}')
        .replace('{{ email }}', f'recipient{n}@example.com')
        .replace('{{ attributes.city }}', job['city'])
    )


def to_html(text):
    return ''.join(f'<p>{part}</p>\n' for part in text.split('\n\n'))


began = time.perf_counter()
for n in range(1, job['letters'] + 1):
    text = fill_in(job['body'], n)
    send_mail(
        fill_in(job['subject'], n), text, job['from'], [f'recipient{n}@example.com'], html_message=to_html(text)
    )
print(time.perf_counter() - began)
