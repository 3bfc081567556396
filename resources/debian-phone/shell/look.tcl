# Colours, fonts, pictures and the few widgets that all parts share.
set width [winfo screenwidth .]
set height [winfo screenheight .]
set unit [expr {min($width, $height) / 480.0}]
proc u {size} { expr {round($size * $::unit)} }

array set colour {
    bar "#0d0e20" page "#12131f" card "#1e2032" line "#2c2f47" text "#f4f4fa" dim "#9da1bd" accent "#e21e5c"
    key "#2b2e45" special "#1e2032" pressed "#4a4e70"
}
set icon_size [expr {$unit < 0.85 ? 56 : $unit < 1.1 ? 84 : 96}]

# Sizes are in pixels (negative), so that a panel's dots per inch do not matter.
proc font_of {size {weight Regular}} {
    list [expr {$weight eq "Regular" ? "Inter" : "Inter $weight"}] [expr {-[u $size]}]
}

set pictures [file join [file dirname $here] pictures]
proc picture {name} {
    if {$name ni [image names]} {
        image create photo $name -file [file join $::pictures $name-$::icon_size.png]
    }
    return $name
}

# A window at an edge of the panel, which programs leave free.
proc dock {path type geometry} {
    toplevel $path -background $::colour(bar) -borderwidth 0 -highlightthickness 0
    wm withdraw $path
    wm attributes $path -type $type
    wm geometry $path $geometry
    wm resizable $path 0 0
    wm focusmodel $path active ;# it never takes the keyboard from the program that is typed into
}

# A program of ours: a page with a head that closes it. Answers the frame for its content.
proc page {path title} {
    toplevel $path -background $::colour(page)
    wm title $path $title
    wm geometry $path ${::width}x[expr {$::height - [u 108]}]+0+[u 38]
    frame $path.head -background $::colour(page) -height [u 76]
    pack propagate $path.head 0
    label $path.head.title -text $title -font [font_of 28 SemiBold] -foreground $::colour(text) \
        -background $::colour(page)
    pack $path.head.title -side left -padx [u 24]
    pack $path.head -fill x
    frame $path.body -background $::colour(page)
    pack $path.body -fill both -expand 1
    return $path.body
}

proc rounded {canvas x0 y0 x1 y1 radius args} {
    set r $radius
    $canvas create polygon \
        $x0 [expr {$y0 + $r}] $x0 $y0 [expr {$x0 + $r}] $y0 [expr {$x0 + $r}] $y0 \
        [expr {$x1 - $r}] $y0 [expr {$x1 - $r}] $y0 $x1 $y0 $x1 [expr {$y0 + $r}] $x1 [expr {$y0 + $r}] \
        $x1 [expr {$y1 - $r}] $x1 [expr {$y1 - $r}] $x1 $y1 [expr {$x1 - $r}] $y1 [expr {$x1 - $r}] $y1 \
        [expr {$x0 + $r}] $y1 [expr {$x0 + $r}] $y1 $x0 $y1 $x0 [expr {$y1 - $r}] $x0 [expr {$y1 - $r}] \
        $x0 [expr {$y0 + $r}] -smooth 1 {*}$args
}

proc read_file {path {otherwise ""}} {
    if {[catch {open $path} channel]} { return $otherwise }
    if {[catch {string trim [read $channel 4096]} content]} { set content $otherwise }
    close $channel
    return $content
}

proc ask_root {request} {
    catch {
        set channel [open /run/phone/requests {WRONLY NONBLOCK}]
        puts $channel $request
        close $channel
    }
}
