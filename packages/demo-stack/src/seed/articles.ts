import type { Article } from '../blog/articles.ts'

/** The articles that are already published in a new database. */
export const ARTICLES: readonly Pick<Article, 'id' | 'slug' | 'title' | 'markdown' | 'publishedAt'>[] = [
  {
    id: 'art_9wq4hzk7mt2x',
    slug: 'hello-from-the-workbench',
    title: 'Hello from the workbench',
    publishedAt: '2025-09-01T08:00:00.000Z',
    markdown: `# Hello from the workbench

We make software for people who repair things. This is where we write down what we learn on the way: what broke, what we fixed, and what our customers taught us about job cards.

Posts appear when there is something to say.
`,
  },
  {
    id: 'art_3vn8cxd5bj6r',
    slug: 'why-a-job-card-has-two-dates',
    title: 'Why a job card has two dates',
    publishedAt: '2025-10-14T07:30:00.000Z',
    markdown: `---
title: Why a job card has two dates
---

A watchmaker in Brno asked us why her job cards show a promised date and a likely date. The honest answer: because one of them is for the customer and the other one is for her.

The promised date is a commitment. It changes only when she calls the customer. The likely date moves by itself, every night, when parts slip or a colleague is ill.

- When both agree, the card is white.
- When the likely date is later, the card turns yellow.
- When it is later by more than three days, we suggest a phone call.
`,
  },
  {
    id: 'art_6kf2ygs9pe4w',
    slug: 'printing-labels-in-forty-scripts',
    title: 'Printing labels in forty scripts',
    publishedAt: '2025-11-25T09:15:00.000Z',
    markdown: `# Printing labels in forty scripts

A thermal printer from 2009 knows 256 characters. Our customers write in Tamil, Georgian and Hebrew, sometimes on one label.

We now draw each label as a picture and send the picture. It is slower by a third of a second, and nobody has seen a question mark since.
`,
  },
  {
    id: 'art_2ta7mrh3vu8d',
    slug: 'τι-μάθαμε-από-έναν-κεραμίστα',
    title: 'Τι μάθαμε από έναν κεραμίστα',
    publishedAt: '2026-01-20T08:45:00.000Z',
    markdown: `# Τι μάθαμε από έναν κεραμίστα

Το καμίνι δεν περιμένει το λογισμικό. Περάσαμε δύο μέρες σε ένα εργαστήριο στο Μαρούσι και είδαμε πώς δουλεύει κάποιος που έχει πηλό στα χέρια.

Από τότε, κάθε κουμπί που χρειάζεται κατά τη δουλειά είναι αρκετά μεγάλο για έναν αγκώνα.
`,
  },
  {
    id: 'art_8ej5dpx4nc7q',
    slug: 'the-export-queue-that-stopped-on-a-friday',
    title: 'The export queue that stopped on a Friday',
    publishedAt: '2026-02-10T10:00:00.000Z',
    markdown: `# The export queue that stopped on a Friday

At 23:10 on a Friday one worker took a lock and died. The other workers waited politely until Monday. No alarm rang, because a queue that does nothing produces no errors.

What we changed:

- A lock now expires after ten minutes.
- The alarm watches the age of the oldest job, not the number of failures.
- The dashboard says when the last export arrived, in words.
`,
  },
]
