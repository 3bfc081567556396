# The bar at the bottom: back, home, what is open, keyboard.
namespace eval navigation {
    variable height [u 64]
    variable buttons {back home tasks keyboard}

    proc make {} {
        variable height
        dock .nav dock ${::width}x$height+0+[expr {$::height - $height}]
        canvas .nav.c -height $height -background $::colour(bar) -borderwidth 0 -highlightthickness 0
        pack .nav.c -fill both -expand 1
        bind .nav.c <Configure> navigation::draw
        bind .nav.c <ButtonPress-1> {navigation::press %x 1}
        bind .nav.c <ButtonRelease-1> {navigation::press %x 0}
        wm deiconify .nav
    }

    proc draw {} {
        variable buttons
        set c .nav.c
        set part [expr {[winfo width $c] / 4.0}]
        $c delete all
        set at 0
        foreach button $buttons {
            set x [expr {round($part * ($at + 0.5))}]
            set y [expr {[winfo height $c] / 2}]
            rounded $c [expr {$x - [u 38]}] [expr {$y - [u 24]}] [expr {$x + [u 38]}] [expr {$y + [u 24]}] \
                [u 20] -fill $::colour(bar) -tags ground$at
            $c create image $x $y -image [picture $button]
            incr at
        }
    }

    proc press {x down} {
        variable buttons
        set at [expr {max(0, min(3, int($x * 4 / [winfo width .nav.c])))}]
        for {set other 0} {$other < 4} {incr other} {
            .nav.c itemconfigure ground$other \
                -fill [expr {$down && $other == $at ? $::colour(key) : $::colour(bar)}]
        }
        if {!$down} {
            update idletasks
            switch -- [lindex $buttons $at] {
                back { back }
                home { home }
                tasks { tasks }
                keyboard { keyboard::toggle }
            }
        }
    }

    # Closes what is in front: keyboard, list, then the program.
    proc back {} {
        if {[winfo exists .tasks]} {
            destroy .tasks
        } elseif {[winfo exists .power]} {
            destroy .power
        } elseif {[keyboard::shown]} {
            keyboard::hide
        } else {
            catch {exec wmctrl -c :ACTIVE:}
        }
    }

    proc home {} {
        foreach window {.tasks .power} {
            if {[winfo exists $window]} { destroy $window }
        }
        keyboard::hide
        catch {exec wmctrl -k on}
    }

    proc windows {} {
        set found {}
        catch {exec wmctrl -l} listed
        foreach line [split $listed \n] {
            if {[regexp {^(0x\S+)\s+\S+\s+\S+\s+(.+)$} $line -> id title] && $title ni {Home nav status Keyboard}} {
                lappend found $id $title
            }
        }
        return $found
    }

    proc tasks {} {
        if {[winfo exists .tasks]} {
            destroy .tasks
            return
        }
        keyboard::hide
        set found [windows]
        set body [page .tasks "Open programs"]
        set at 0
        foreach {id title} $found {
            if {$title eq "Open programs"} continue
            set row [frame $body.row$at -background $::colour(card) -height [u 76]]
            pack propagate $row 0
            pack $row -fill x -padx [u 16] -pady [u 6]
            label $row.title -text [string range $title 0 30] -font [font_of 22 Medium] -anchor w \
                -foreground $::colour(text) -background $::colour(card)
            label $row.close -image [picture close] -background $::colour(card)
            pack $row.close -side right -padx [u 22]
            pack $row.title -side left -padx [u 20] -fill both -expand 1
            bind $row.title <ButtonRelease-1> "destroy .tasks; catch {exec wmctrl -i -a $id}"
            bind $row.close <ButtonRelease-1> "catch {exec wmctrl -i -c $id}; destroy $row"
            incr at
        }
        if {$at == 0} {
            label $body.none -text "Nothing is open" -font [font_of 22] -foreground $::colour(dim) \
                -background $::colour(page)
            pack $body.none -pady [u 80]
        }
    }
}
