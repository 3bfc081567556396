# A calculator with large keys.
namespace eval calculator {
    variable sum ""

    proc open {} {
        if {[winfo exists .calculator]} {
            raise .calculator
            catch {exec wmctrl -a Calculator}
            return
        }
        set body [page .calculator Calculator]
        label $body.sum -textvariable calculator::sum -font [font_of 52 Medium] -anchor e \
            -foreground $::colour(text) -background $::colour(page)
        pack $body.sum -fill x -padx [u 26] -pady [u 12]
        canvas $body.keys -background $::colour(page) -borderwidth 0 -highlightthickness 0
        pack $body.keys -fill both -expand 1 -padx [u 8] -pady [u 8]
        bind $body.keys <Configure> {calculator::draw %W}
        bind $body.keys <ButtonPress-1> {calculator::down %W %x %y}
        bind $body.keys <ButtonRelease-1> {calculator::draw %W}
    }

    variable keys {C ( ) \u00f7 7 8 9 \u00d7 4 5 6 \u2212 1 2 3 + 0 . \u232b =}

    proc draw {c} {
        variable keys
        $c delete all
        set wide [expr {[winfo width $c] / 4.0}]
        set high [expr {[winfo height $c] / 5.0}]
        set at 0
        foreach key $keys {
            set x [expr {$wide * ($at % 4)}]
            set y [expr {$high * ($at / 4)}]
            set fill [expr {$key eq "=" ? $::colour(accent) : [string is digit $key] || $key eq "."
                ? $::colour(card) : $::colour(key)}]
            rounded $c [expr {$x + [u 6]}] [expr {$y + [u 6]}] [expr {$x + $wide - [u 6]}] \
                [expr {$y + $high - [u 6]}] [u 22] -fill $fill -tags key$at
            $c create text [expr {$x + $wide / 2}] [expr {$y + $high / 2}] -text $key -fill $::colour(text) \
                -font [font_of 32 Medium]
            incr at
        }
    }

    proc down {c x y} {
        variable keys
        variable sum
        set at [expr {min(19, int($y * 5 / [winfo height $c]) * 4 + int($x * 4 / [winfo width $c]))}]
        $c itemconfigure key$at -fill $::colour(pressed)
        set key [lindex $keys $at]
        switch -- $key {
            C { set sum "" }
            \u232b { set sum [string range $sum 0 end-1] }
            = {
                # Only what the keys can write is computed, and as numbers with a fraction.
                set plain [string map {\u00f7 / \u00d7 * \u2212 -} $sum]
                if {![regexp {^[-0-9.+*/()]+$} $plain]} return
                regsub -all {(^|[^0-9.])(\d+)(?![0-9.])} $plain {\1\2.0} plain
                if {[catch {expr $plain} sum]} { set sum "?" } else { set sum [format %.10g $sum] }
                set sum [string map {- \u2212} $sum]
            }
            default {
                if {$sum eq "?"} { set sum "" }
                if {[string length $sum] < 16} { append sum $key }
            }
        }
    }
}
