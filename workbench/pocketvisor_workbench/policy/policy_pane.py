"""The Policy pane: who manages the selected guest, what each side may do, what happened, IT's words to it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedLayout,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.policy.audit_view import AuditView
from pocketvisor_workbench.policy.draft import rows_of
from pocketvisor_workbench.policy.it_panel import ItPanel
from pocketvisor_workbench.policy.rows import RowsView
from pocketvisor_workbench.policy.standing_words import Stands, stands
from pocketvisor_workbench.widgets import Dot, ElidedLabel, EmptyState, push_button, tool_button
from pocketvisor_workbench.words import when_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.policies.governed import Governed

_NO_GUEST, _NOT_KEPT, _FREE, _GOVERNED = range(4)
_TICK_MS = 1000


class PolicyPane(Pane):
    name = "policy"
    title = "Policy"
    picture = "shield-account-outline"
    area = Qt.DockWidgetArea.RightDockWidgetArea

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.setMinimumWidth(262)
        self._guest: Guest | None = None
        self._stands: Stands | None = None
        self._stack = QStackedLayout(self)
        self._stack.addWidget(
            EmptyState("shield-off-outline", "No guest", "Select one to see what governs it.")
        )
        keep = push_button("Keep it in a profile…", "content-save-outline", primary=True)
        keep.clicked.connect(lambda: bench.trigger("profile.keep"))
        self._not_kept = EmptyState("shield-off-outline", "", "", button=keep)
        self._stack.addWidget(self._not_kept)
        self.first = push_button("New policy…", "shield-plus-outline", primary=True)
        self.first.clicked.connect(lambda: bench.trigger("policy.edit"))
        self._free = EmptyState("shield-off-outline", "", "", button=self.first)
        self._stack.addWidget(self._free)
        self._stack.addWidget(self._make_governed())
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._ticked)
        session = bench.session
        session.selection_changed.connect(self.refresh)
        session.policies.changed.connect(self._changed)
        session.keeping.changed.connect(self._changed)
        self.refresh()

    def tools(self) -> list[QWidget]:
        deliver = tool_button("file-download-outline", "Deliver a file from IT")
        deliver.clicked.connect(lambda: self.bench.trigger("policy.deliver"))
        edit = tool_button("pencil-outline", "Write a policy")
        edit.clicked.connect(lambda: self.bench.trigger("policy.edit"))
        return [edit, deliver]

    # Parts

    def _make_governed(self) -> QWidget:
        self._dot = Dot("#808080", size=12)
        self.heading = ElidedLabel()
        self.heading.setObjectName("heading")
        self.about = ElidedLabel()
        self.about.setObjectName("muted")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.heading)
        words.addWidget(self.about)
        head = QHBoxLayout()
        head.setContentsMargins(14, 0, 14, 0)
        head.setSpacing(10)
        head.addWidget(self._dot)
        head.addLayout(words, 1)
        self.card = QFrame()
        self.card.setObjectName("standing")
        self._sign = QLabel()
        self.standing = QLabel()
        self.standing.setObjectName("cardTitle")
        self.why = QLabel()
        self.why.setObjectName("muted")
        self.why.setWordWrap(True)
        self.why.setTextFormat(Qt.TextFormat.PlainText)
        lines = QVBoxLayout()
        lines.setSpacing(1)
        lines.addWidget(self.standing)
        lines.addWidget(self.why)
        row = QHBoxLayout(self.card)
        row.setContentsMargins(12, 9, 12, 9)
        row.setSpacing(12)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(lines, 1)
        card = QHBoxLayout()
        card.setContentsMargins(12, 0, 12, 0)
        card.addWidget(self.card)
        self.problem = QLabel()
        self.problem.setObjectName("problem")
        self.problem.setWordWrap(True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setContentsMargins(14, 0, 14, 0)
        self.problem.hide()
        self.effects = RowsView("What each side may do")
        self.log = AuditView(self.bench.session)
        self.it = ItPanel(self.bench)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self.it)
        self.pages = QStackedWidget()
        for page in (self.effects, self.log, area):
            self.pages.addWidget(page)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 12, 0, 6)
        layout.setSpacing(10)
        layout.addLayout(head)
        layout.addLayout(card)
        layout.addWidget(self.problem)
        layout.addLayout(self._make_segment())
        layout.addWidget(self.pages, 1)
        return body

    def _make_segment(self) -> QHBoxLayout:
        segment = QFrame()
        segment.setObjectName("segment")
        row = QHBoxLayout(segment)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.segments = QButtonGroup(self)
        for at, title in enumerate(("Allowed", "Audit log", "IT")):
            button = QToolButton()
            button.setText(title)
            button.setCheckable(True)
            button.setChecked(at == 0)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.segments.addButton(button, at)
            row.addWidget(button)
        self.segments.idClicked.connect(self.show_page)
        line = QHBoxLayout()
        line.setContentsMargins(12, 0, 12, 0)
        line.addWidget(segment)
        line.addStretch()
        return line

    def show_page(self, at: int) -> None:
        self.segments.button(at).setChecked(True)
        self.pages.setCurrentIndex(at)
        self._ticked()

    # What is shown

    def showEvent(self, _: object) -> None:
        self._tick.start()
        self.refresh()

    def hideEvent(self, _: object) -> None:
        self._tick.stop()

    def _changed(self, guest: "Guest") -> None:
        if guest is self.bench.session.guest:
            self.refresh()

    def refresh(self) -> None:
        guest = self._guest = self.bench.session.guest
        governed = guest.governed if guest is not None else None
        if guest is None:
            self._stack.setCurrentIndex(_NO_GUEST)
        elif governed is not None:
            self._show_governed(guest, governed)
            self._stack.setCurrentIndex(_GOVERNED)
        elif guest.profile is None:
            self._not_kept.set_words(
                f"Nobody manages {guest.name}",
                "A policy is bound to a profile: keep this guest in one, and an organisation can say what "
                "may be done with it.",
            )
            self._stack.setCurrentIndex(_NOT_KEPT)
        else:
            self._free.set_words(
                f"Nobody manages {guest.name}",
                "All that Pocketvisor can do may be done with it. A signed policy says what may not, and who "
                "decides that from then on.",
            )
            self._stack.setCurrentIndex(_FREE)

    def _show_governed(self, guest: "Guest", governed: "Governed") -> None:
        policy = governed.policy
        self._dot.set_accent(accent_of(guest))
        self.heading.setText(guest.name)
        expires = f", until {when_words(policy.expires_ns, 0)}" if policy.expires_ns is not None else ""
        self.about.setText(f"Managed by {governed.organisation} · policy {policy.number}{expires}")
        self.about.setToolTip(f"Key {governed.authority.hex()}")
        self.effects.rows.show_rows(rows_of(policy))
        self.effects.setEnabled(not governed.wiped)  # then there is nothing left that any of it is about
        self.it.show_guest(guest, governed)
        self._ticked()

    def _ticked(self) -> None:
        """Time goes on, and lines come in."""
        guest = self._guest
        governed = guest.governed if guest is not None else None
        if guest is None or governed is None or not self.isVisible():
            return
        period = governed.policy.check_in.every_hours
        now = stands(governed.standing(), governed.now_ns(), period, wiped=governed.wiped)
        if guest.lock is not None and now.role != "bad":  # by its user's absence
            now = Stands("Locked", guest.lock.why, "lock-outline", "warn")
        if now != self._stands:
            self._stands = now
            self.standing.setText(now.words)
            self.why.setText(now.more)
            self._tint()
        if governed.problem != self.problem.text():  # what was known holds on meanwhile
            self.problem.setText(governed.problem)
            self.problem.setVisible(bool(governed.problem))
        if self.pages.currentIndex() == 1:
            self.log.show_governed(governed)
        elif self.pages.currentIndex() == 2:
            self.it.show_guest(guest, governed)

    def _tint(self) -> None:
        if self._stands is not None:
            self._sign.setPixmap(icon(self._stands.sign, self._stands.role).pixmap(22, 22))

    def changeEvent(self, _: object) -> None:
        if hasattr(self, "_sign"):
            self._tint()
