"""The crew's terminal screen: everything on 80 by 24 (or 40 columns), without colour, mouse or a fast line.

`edge.screen.app.CrewScreen` is the application over an `edge.views.Desk`; nothing else of the agent imports textual.
"""
