# One page of notes, kept whenever it is left.
namespace eval notes {
    variable file [file join $::env(HOME) notes.txt]

    proc open {} {
        variable file
        if {[winfo exists .notes]} {
            raise .notes
            catch {exec wmctrl -a Notes}
            keyboard::show
            return
        }
        set body [page .notes Notes]
        text $body.text -wrap word -font [font_of 23] -foreground $::colour(text) -background $::colour(card) \
            -insertbackground $::colour(accent) -insertwidth [u 3] -borderwidth 0 -highlightthickness 0 \
            -padx [u 18] -pady [u 14] -undo 1
        pack $body.text -fill both -expand 1 -padx [u 12] -pady [u 6]
        $body.text insert end [read_file $file]
        bind $body.text <Destroy> {notes::keep %W}
        bind $body.text <FocusOut> {notes::keep %W}
        bind $body.text <ButtonRelease-1> {+keyboard::show}
        focus $body.text
        keyboard::show
    }

    proc keep {text} {
        variable file
        catch {
            set content [$text get 1.0 end-1c]
            set channel [::open $file.new w]
            puts $channel $content
            close $channel
            file rename -force $file.new $file
        }
    }
}
