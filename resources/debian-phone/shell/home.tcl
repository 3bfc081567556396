# The home screen: clock, date, and the programs.
namespace eval home {
    variable grid {calculator notes sensors manual}
    variable favourites {terminal browser settings power}
    variable names
    array set names {
        terminal Terminal browser Browser settings Settings power Power
        calculator Calculator notes Notes sensors Sensors manual "About"
    }
    variable pressed ""

    proc make {} {
        wm withdraw .
        wm title . Home
        wm attributes . -type desktop
        wm geometry . ${::width}x${::height}+0+0
        . configure -background "#26143a"
        canvas .home -borderwidth 0 -highlightthickness 0 -background "#26143a"
        pack .home -fill both -expand 1
        bind .home <Configure> home::draw
        bind .home <Expose> home::exposed
        bind .home <ButtonPress-1> {home::down %x %y}
        bind .home <ButtonRelease-1> {home::up %x %y}
        wm deiconify .
    }

    proc draw {} {
        variable grid
        variable favourites
        variable places {}
        set c .home
        set wide [winfo width $c]
        set high [winfo height $c]
        if {$wide < 2} return
        $c delete all
        paper $wide $high
        $c create image 0 0 -anchor nw -image wallpaper
        set low [expr {$high - [u 84]}]
        set upright [expr {$high > $wide}]
        if {$upright} {
            $c create text [expr {$wide / 2}] [expr {round($high * 0.2)}] -tags clock -fill white -font [font_of 92 Medium]
            $c create text [expr {$wide / 2}] [expr {round($high * 0.2) + [u 74]}] -tags date -fill "#d9d6e8" \
                -font [font_of 23 Medium]
            row $grid [expr {$low - [u 268]}] 0 $wide
            row $favourites [expr {$low - [u 116]}] 0 $wide
        } else {
            $c create text [expr {round($wide * 0.24)}] [expr {round($high * 0.42)}] -tags clock -fill white \
                -font [font_of 84 Medium]
            $c create text [expr {round($wide * 0.24)}] [expr {round($high * 0.42) + [u 68]}] -tags date \
                -fill "#d9d6e8" -font [font_of 21 Medium]
            row $grid [expr {$low - [u 268]}] [expr {round($wide * 0.46)}] [expr {$wide - [u 10]}]
            row $favourites [expr {$low - [u 116]}] [expr {round($wide * 0.46)}] [expr {$wide - [u 10]}]
        }
        tick
    }

    # The wallpaper of this panel, or the largest for a panel that no handset has.
    proc paper {wide high} {
        variable papered
        set file [file join $::pictures wallpaper-${wide}x$high.ppm]
        if {![file exists $file]} {
            set file [lindex [lsort -dictionary [glob [file join $::pictures wallpaper-*.ppm]]] end]
        }
        if {![info exists papered] || $papered ne $file} {
            image create photo wallpaper -file $file
            set papered $file
        }
    }

    # The first time that it can be seen, all of it is: then the phone can be used.
    proc exposed {} {
        bind .home <Expose> {}
        after idle {update idletasks; winfo pointerxy .; ready}
    }

    proc row {programs y left right} {
        variable places
        variable names
        set part [expr {($right - $left) / 4.0}]
        set at 0
        foreach program $programs {
            set x [expr {round($left + $part * ($at + 0.5))}]
            .home create image $x $y -image [picture $program]
            .home create text $x [expr {$y + $::icon_size / 2 + [u 20]}] -text $names($program) -fill white \
                -font [font_of 18 Medium]
            lappend places [list [expr {$x - $part / 2}] [expr {$y - $::icon_size}] [expr {$x + $part / 2}] \
                [expr {$y + $::icon_size}] $program $x $y]
            incr at
        }
    }

    proc tick {} {
        variable timer
        if {[info exists timer]} { after cancel $timer }
        .home itemconfigure clock -text [string map {" AM" "" " PM" ""} [string trim [status::clock_text]]]
        .home itemconfigure date -text [string trim [clock format [clock seconds] -format "%A, %e %B"]]
        set timer [after [expr {(60 - [clock seconds] % 60) * 1000}] home::tick]
    }

    proc at {x y} {
        variable places
        foreach place $places {
            lassign $place x0 y0 x1 y1 program
            if {$x >= $x0 && $x < $x1 && $y >= $y0 && $y < $y1} { return $place }
        }
        return ""
    }

    proc down {x y} {
        variable pressed
        set place [at $x $y]
        set pressed [lindex $place 4]
        if {$pressed ne ""} {
            .home create image [lindex $place 5] [lindex $place 6] -image [picture pressed] -tags pressed
        }
    }

    proc up {x y} {
        variable pressed
        .home delete pressed
        set program [lindex [at $x $y] 4]
        if {$program ne "" && $program eq $pressed} {
            update idletasks
            programs::open $program
        }
        set pressed ""
    }

    # Says what takes a moment.
    proc tell {text} {
        .home delete told
        set x [expr {[winfo width .home] / 2}]
        set y [expr {round([winfo height .home] * 0.46)}]
        rounded .home [expr {$x - [u 130]}] [expr {$y - [u 27]}] [expr {$x + [u 130]}] [expr {$y + [u 27]}] [u 26] \
            -fill $::colour(card) -tags told
        .home create text $x $y -text $text -fill white -font [font_of 20 Medium] -tags told
        after 3000 {.home delete told}
    }
}
