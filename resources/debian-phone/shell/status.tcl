# The bar at the top: clock, network, battery.
namespace eval status {
    variable height [u 38]

    proc make {} {
        variable height
        dock .status dock ${::width}x$height+0+0
        canvas .status.c -height $height -background $::colour(bar) -borderwidth 0 -highlightthickness 0
        pack .status.c -fill both -expand 1
        bind .status.c <Configure> status::draw
        bind .status.c <ButtonRelease-1> settings::open
        wm deiconify .status
        tick
    }

    proc clock_text {} {
        clock format [clock seconds] -format [expr {$::choice(hours24) ? "%H:%M" : "%l:%M %p"}]
    }

    proc battery {} {
        foreach folder [glob -nocomplain /sys/class/power_supply/*] {
            set share [read_file $folder/capacity]
            if {[string is integer -strict $share]} {
                return [list $share [read_file $folder/status]]
            }
        }
        return {}
    }

    proc network {} {
        foreach folder [glob -nocomplain /sys/class/net/e*] {
            if {[read_file $folder/operstate] eq "up"} { return 1 }
        }
        return 0
    }

    # What is shown changes slowly: a guest that waits is not woken for nothing.
    proc tick {} {
        draw
        after [expr {(10 - [clock seconds] % 10) * 1000}] status::tick
    }

    proc draw {} {
        set c .status.c
        set wide [winfo width $c]
        if {$wide < 2} { set wide $::width }
        set state [list $wide [clock_text] [battery] [network]]
        if {[info exists ::status::shown] && $::status::shown eq $state} return
        set ::status::shown $state
        lassign $state wide time battery network
        set middle [expr {[u 38] / 2}]
        $c delete all
        $c create text [u 20] $middle -anchor w -text [string trim $time] -fill $::colour(text) \
            -font [font_of 19 SemiBold]
        set x [expr {$wide - [u 20]}]
        if {$battery ne ""} {
            lassign $battery share how
            set charging [expr {$how in {Charging Full}}]
            set fill [expr {$charging ? "#44d98c" : $share <= 15 ? "#ff5a5a" : $::colour(text)}]
            set top [expr {$middle - [u 7]}]
            set bottom [expr {$middle + [u 7]}]
            $c create rectangle [expr {$x - [u 2]}] [expr {$middle - [u 3]}] $x [expr {$middle + [u 3]}] \
                -fill $fill -outline ""
            set right [expr {$x - [u 3]}]
            set left [expr {$right - [u 26]}]
            $c create rectangle $left $top $right $bottom -outline $fill -width [u 2]
            set inside [expr {$left + [u 3] + ([u 21] * min($share, 100)) / 100}]
            $c create rectangle [expr {$left + [u 3]}] [expr {$top + [u 3]}] $inside [expr {$bottom - [u 2]}] \
                -fill $fill -outline ""
            $c create text [expr {$left - [u 8]}] $middle -anchor e -text "$share%" -fill $::colour(text) \
                -font [font_of 17 Medium]
            set x [expr {$left - [u 66]}]
        }
        if {$network} {
            $c create image $x $middle -anchor e -image [picture network]
        }
    }
}
