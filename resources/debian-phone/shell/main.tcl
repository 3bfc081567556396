# The phone's shell: home screen, bars, keyboard and its own small programs, in one process.
# Sizes are in units of a 480 pixel wide panel; `u` makes pixels of them.
set here [file dirname [file normalize [info script]]]
foreach part {
    look settings_file status navigation keyboard copying home programs settings notes calculator sensors power
} {
    source $here/$part.tcl
}

proc ready {} {
    # Root's part of the desktop tells the serial console, and goes on with what was no hurry.
    catch {
        set requests [open /run/phone/requests {WRONLY NONBLOCK}]
        puts $requests ready
        close $requests
    }
}

# Keys of the handset: the kernel's input events, of 16 bytes: a time, a type (1 is a key), a code and a value.
proc listen {} {
    if {[catch {open /run/phone/keys {RDONLY NONBLOCK}} channel]} return
    fconfigure $channel -blocking 0 -translation binary -buffersize 16
    fileevent $channel readable [list heard $channel]
}

proc heard {channel} {
    while {[binary scan [read $channel 16] @8ssi kind code value] == 3} {
        if {$kind != 1 || $value != 1} continue
        switch -- $code {
            116 { power::menu }
            172 { navigation::home }
            158 { navigation::back }
            139 { navigation::tasks }
            217 { keyboard::toggle }
        }
    }
    if {[eof $channel]} { close $channel }
}

# What goes wrong is for the log; a phone asks nobody about it.
proc bgerror {message} { puts stderr "$message\n$::errorInfo" }

status::make
navigation::make
home::make
copying::make
listen
