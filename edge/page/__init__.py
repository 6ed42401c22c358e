"""The crew's local page: the device serves it to a telephone in the sun, with or without a link to the world.

Pages are rendered here and work without JavaScript; scripts only refresh, keep drafts and read QR codes from photos.
`edge.page.app.create_page` makes the application over an `edge.views.Desk`.
"""
