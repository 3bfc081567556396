"""The style sheet over Fusion, filled with a theme's tokens. Spacing comes in steps of 4 pixels."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketvisor_workbench.theme import Tokens

_SHEET = """
QMainWindow, QDialog {{ background: {window}; }}
QMainWindow::separator {{ background: {window}; width: 5px; height: 5px; }}
QMainWindow::separator:hover {{ background: {accent}; }}

QMenuBar {{ background: {window}; padding: 2px 6px; border: none; }}
QMenuBar::item {{ padding: 4px 9px; border-radius: 5px; background: transparent; }}
QMenuBar::item:selected, QMenuBar::item:pressed {{ background: {hover}; }}
QMenu {{ background: {surface}; border: 1px solid {line}; padding: 5px; }}
QMenu::item {{ padding: 6px 26px 6px 10px; border-radius: 5px; }}
QMenu::item:selected {{ background: {hover}; color: {text}; }}
QMenu::item:disabled {{ color: {muted}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 5px 6px; }}
QMenu::icon {{ padding-left: 8px; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {line}; padding: 5px 7px; }}

QToolBar {{ background: {window}; border: none; padding: 4px 10px 6px 10px; spacing: 6px; }}
#debugBar {{ padding-top: 0; }}
QStatusBar {{ background: {window}; color: {muted}; }}
QStatusBar::item {{ border: none; }}

QDockWidget {{ color: {text}; }}
QTabBar {{ background: transparent; }}
QTabBar::tab {{ background: transparent; color: {muted}; padding: 7px 13px 6px 13px; border: none;
    border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
QTabBar::tab:hover:!selected {{ color: {text}; background: {raised}; }}
QTabBar::tab:focus {{ color: {accent}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {line}; }}

#dockTitle {{ background: {surface}; border-top-left-radius: 8px; border-top-right-radius: 8px;
    border-bottom: 1px solid {line}; }}
#dockTitle QLabel {{ font-weight: 600; }}
#dockBody {{ background: {surface}; border-bottom-left-radius: 8px; border-bottom-right-radius: 8px; }}
#emptyTitle {{ font-size: 12pt; font-weight: 600; }}
#heading {{ font-size: 13pt; font-weight: 600; }}
#section {{ color: {muted}; font-weight: 600; }}
#muted, #emptyText {{ color: {muted}; }}
#problem {{ color: {bad}; }}
#dropHint {{ background: {accent}; color: {on_accent}; border-radius: 8px; padding: 8px 14px; }}
#dropHint[refused="true"] {{ background: {raised}; color: {bad}; border: 1px solid {bad}; }}
#value {{ font-family: "JetBrains Mono"; }}
#bad {{ color: {bad}; }}
#complaint {{ color: {warn}; background: {raised}; padding: 6px 10px; }}
#command {{ font-family: "JetBrains Mono"; }}
#good {{ color: {good}; }}

QPushButton {{ background: {raised}; border: 1px solid {line}; border-radius: 6px; padding: 5px 12px;
    min-height: 18px; }}
QPushButton:hover {{ background: {hover}; }}
QPushButton:pressed {{ background: {line}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {muted}; background: transparent; }}
QPushButton[primary="true"] {{ background: {accent}; color: {on_accent}; border-color: {accent};
    font-weight: 600; }}
QPushButton[primary="true"]:hover {{ background: {accent_hover}; }}
QPushButton[primary="true"]:focus {{ border-color: {text}; }}
QPushButton[primary="true"]:disabled {{ background: {raised}; color: {muted}; border-color: {line}; }}
QPushButton[danger="true"] {{ color: {bad}; }}
QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 4px; }}
QToolButton:hover {{ background: {hover}; }}
QToolButton:pressed, QToolButton:checked {{ background: {hover}; }}
QToolButton:focus {{ border-color: {accent}; }}
QToolButton::menu-indicator {{ image: none; }}
#segment {{ background: {raised}; border-radius: 8px; }}
#segment QToolButton {{ padding: 4px 10px; margin: 2px; color: {muted}; border-radius: 6px; }}
#segment QToolButton:checked {{ background: {segment}; color: {text}; border: 1px solid {line}; }}
#segment QToolButton:focus {{ border-color: {accent}; }}
#searchBox {{ background: {raised}; border: 1px solid {line}; border-radius: 8px; padding: 5px 12px;
    color: {muted}; text-align: left; }}
#searchBox:hover {{ border-color: {accent}; }}

QLineEdit, QPlainTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {{ background: {raised};
    border: 1px solid {line}; border-radius: 6px; padding: 4px 8px; min-height: 20px;
    selection-background-color: {accent}; selection-color: {on_accent}; }}
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QComboBox:focus,
QDoubleSpinBox:focus {{ border-color: {accent}; }}
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled {{ color: {muted}; background: transparent; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox QAbstractItemView {{ background: {surface}; border: 1px solid {line}; padding: 4px;
    selection-background-color: {hover}; selection-color: {text}; outline: none; }}

QTableView, QListView, QTreeView {{ background: {surface}; border: none; outline: none;
    selection-background-color: {hover}; selection-color: {text}; gridline-color: transparent; }}
QTableView::item {{ padding: 2px 8px; border: none; }}
QHeaderView {{ background: {surface}; }}
QHeaderView::section {{ background: {surface}; color: {muted}; border: none;
    border-bottom: 1px solid {line}; padding: 5px 8px; font-weight: 500; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ border: none; background: transparent; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {scroll}; border-radius: 3px; margin: 2px; min-height: 28px;
    min-width: 28px; }}
QScrollBar::handle:hover {{ background: {muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{ background: {raised}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 3px; }}
QSlider::groove:horizontal {{ background: {line}; height: 4px; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{ background: {accent}; width: 14px; height: 14px; margin: -5px 0;
    border-radius: 7px; }}
QSlider::handle:horizontal:focus {{ border: 2px solid {text}; width: 12px; height: 12px; margin: -6px 0;
    border-radius: 8px; }}
QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled {{ background: {muted}; }}
QRadioButton {{ spacing: 9px; padding: 2px; }}
QRadioButton::indicator {{ width: 12px; height: 12px; border: 2px solid {muted}; border-radius: 8px;
    background: {surface}; }}
QRadioButton::indicator:checked {{ width: 6px; height: 6px; border: 5px solid {accent}; border-radius: 8px;
    background: {on_accent}; }}
QRadioButton::indicator:focus, QRadioButton::indicator:hover {{ border-color: {accent}; }}

#standing {{ background: {raised}; border: 1px solid {line}; border-radius: 8px; }}
#day {{ background: {raised}; border: 1px solid {line}; padding: 3px 4px; color: {muted}; }}
#day:checked {{ background: {hover}; color: {text}; border-color: {accent}; }}
QSplitter::handle {{ background: {line}; width: 1px; height: 1px; }}
QFrame[role="card"] {{ background: {raised}; border: 1px solid {line}; border-radius: 8px; }}
QFrame[role="card"]:hover {{ border-color: {muted}; }}
QFrame[role="card"]:focus {{ border-color: {accent}; }}
QFrame[role="card"][chosen="true"] {{ border: 2px solid {accent}; }}
QFrame[role="tile"] {{ background: {raised}; border: 1px solid {line}; border-radius: 8px; }}
#cardTitle {{ font-weight: 600; }}
#banner {{ background: {raised}; border: 1px solid {line}; border-radius: 10px; }}
#paletteBox {{ background: {surface}; border: 1px solid {line}; border-radius: 12px; }}
#paletteBox QLineEdit {{ background: transparent; border: none; border-bottom: 1px solid {line};
    border-radius: 0; padding: 10px 14px; font-size: 12pt; }}
#paletteBox QListView {{ background: transparent; }}
"""


def _mix(first: str, second: str, share: float) -> str:
    """A colour between two, `share` of the second."""
    one = [int(first[i : i + 2], 16) for i in (1, 3, 5)]
    two = [int(second[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(one, two, strict=True))


def stylesheet(colours: "Tokens") -> str:
    values = {name: value for name, value in vars(colours).items() if isinstance(value, str)}
    values["accent_hover"] = _mix(colours.accent, "#ffffff", 0.15)
    values["scroll"] = _mix(colours.surface, colours.muted, 0.35)
    values["segment"] = colours.hover if colours.dark else colours.surface
    return _SHEET.format(**values)
