import type { Ticket } from '../tickets/ticket-store.ts'

/** Tickets of an ordinary week. */
export const TICKETS: readonly Ticket[] = [
  {
    id: 'tic_4mz8wk2hqv6s',
    subject: 'Invoice should be split over two cost centres',
    description:
      'Our March invoice came as one sum again. We need it split 60/40 between the shop and the workshop, as agreed last year. Could you reissue it before the 30th?',
    priority: 'normal',
    status: 'open',
    customerEmail: 'zoe@bronteson.example',
    createdAt: '2026-03-16T09:12:44.000Z',
    updatedAt: '2026-03-16T10:03:10.000Z',
    notes: [
      {
        at: '2026-03-16T10:03:10.000Z',
        author: 'Priya (billing)',
        text: 'Agreement is in the contract folder, page 4. Waiting for the new template.',
        internal: true,
      },
    ],
  },
  {
    id: 'tic_9xr3tjc7nd5a',
    subject: 'Etiquetas con acentos salen con signos de interrogación',
    description:
      'Desde la actualización del lunes, las etiquetas imprimen "Mu?oz" en vez de "Muñoz". Pasa en las tres sedes con la impresora térmica, no con la láser.',
    priority: 'high',
    status: 'pending',
    customerEmail: 'joseangel.munoz@example.com',
    createdAt: '2026-03-17T07:40:02.000Z',
    updatedAt: '2026-03-18T15:21:37.000Z',
    notes: [
      {
        at: '2026-03-17T08:15:00.000Z',
        author: 'Tomás (support)',
        text: 'Reproduced with code page 437. The driver update reset it.',
        internal: true,
      },
      {
        at: '2026-03-18T15:21:37.000Z',
        author: 'Tomás (support)',
        text: 'Hola José Ángel, ¿puede elegir la página de códigos 858 en la impresora y decirnos si imprime bien?',
        internal: false,
      },
    ],
  },
  {
    id: 'tic_b6e5vph9uy2f',
    subject: 'Two technicians cannot be signed in at once',
    description:
      'When my colleague opens the job list on the tablet, I am signed out on the desktop. Is that intended?',
    priority: 'low',
    status: 'solved',
    customerEmail: 'omar@abdelrahman.example',
    createdAt: '2026-02-24T12:05:51.000Z',
    updatedAt: '2026-02-25T09:30:00.000Z',
    notes: [
      {
        at: '2026-02-25T09:30:00.000Z',
        author: 'Lena (support)',
        text: 'Yes: a seat is one person at a time. A third seat is half price until June, shall I add it?',
        internal: false,
      },
    ],
  },
  {
    id: 'tic_k7s2daq4xg8m',
    subject: 'Nightly export did not arrive since Saturday',
    description:
      'The archive export should land on our SFTP server at 02:00. Nothing came on Saturday, Sunday and Monday. No error in the dashboard. Our auditors look at this folder.',
    priority: 'urgent',
    status: 'open',
    customerEmail: 'siobhan@bindery.example',
    createdAt: '2026-03-23T07:02:19.000Z',
    updatedAt: '2026-03-23T07:48:55.000Z',
    notes: [
      {
        at: '2026-03-23T07:48:55.000Z',
        author: 'Marek (on call)',
        text: 'Queue worker stuck since Friday 23:10. Restarted; backfill of three nights running.',
        internal: true,
      },
    ],
  },
  {
    id: 'tic_t3y9fnb5jw7z',
    subject: '日本語の住所が途中で切れます',
    description: '納品書の住所が二行目の途中で切れてしまいます。建物名まで印刷できるようにしていただけますか。',
    priority: 'normal',
    status: 'open',
    customerEmail: 'misaki.sato@example.org',
    createdAt: '2026-03-19T02:30:00.000Z',
    updatedAt: '2026-03-19T02:30:00.000Z',
    notes: [],
  },
  {
    id: 'tic_e8c4grm6kp3h',
    subject: 'Import of 2,000 paper job cards',
    description:
      'I have about two thousand job cards in a spreadsheet, mostly in Tamil. Is there an import, and does it keep the original card numbers?',
    priority: 'low',
    status: 'pending',
    customerEmail: 'kavitha.murugan@example.org',
    createdAt: '2026-03-10T05:55:13.000Z',
    updatedAt: '2026-03-11T08:00:42.000Z',
    notes: [
      {
        at: '2026-03-11T08:00:42.000Z',
        author: 'Lena (support)',
        text: 'Yes, and yes. Please send the first twenty rows so that we can map the columns.',
        internal: false,
      },
    ],
  },
  {
    id: 'tic_w5u7zxd2av9q',
    subject: 'Deletion of a former employee’s account',
    description:
      'Mr Brandt left us on 28 February. Please close his account and confirm in writing, as the data processing agreement says.',
    priority: 'high',
    status: 'solved',
    customerEmail: 'anna.schroeder@example.net',
    createdAt: '2026-03-02T08:20:00.000Z',
    updatedAt: '2026-03-04T13:11:09.000Z',
    notes: [
      {
        at: '2026-03-03T09:00:00.000Z',
        author: 'Priya (billing)',
        text: 'Seat count goes from 112 to 111 at the next renewal.',
        internal: true,
      },
      {
        at: '2026-03-04T13:11:09.000Z',
        author: 'Lena (support)',
        text: 'The account was closed on 3 March; the confirmation letter is attached.',
        internal: false,
      },
    ],
  },
]
