"""What the crew's two surfaces share: the words, how figures are written, and how an entry is read.

The local page (`edge.page`) and the terminal screen (`edge.screen`) show the same things from one `edge.views.Desk`;
what they both need stands here once and knows neither of them.
"""
